"""HTTP: a client that reads every byte, and the student's server as a check sees it.

May import: program, record.transcript, what all kinds have in common.
"""
