"""HTTP/1.1: a client that records every byte, and the student's server as a check sees it.

May import: program; record.transcript and record.text; the modules that all kinds share.
"""
