"""WebSocket (RFC 6455): connections, the server that a student's client talks to, and both kinds as a check sees them.

May import: protocols.http, program, record.transcript, what all kinds have in common.
"""
