"""The kinds of programs, one folder each: labcheck's client for a server, its peer for a client, and their views.

A view is a program as a check sees it. May import: program and the rooms below it; record.transcript and record.text.
Knows nothing of pytest.
"""
