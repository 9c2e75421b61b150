"""WebSocket (RFC 6455): connections, labcheck's server for the student's client, and the views of both program kinds.

May import: protocols.http; program; record.transcript and record.text; the modules that all kinds share.
"""
