"""HTTP and WebSocket on one port, at any path.

May import: program; http and websocket; the modules that all kinds share.
"""
