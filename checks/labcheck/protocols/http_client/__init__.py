"""Clients of HTTP that fetch a URL and end: labcheck's own server for them, what it saw, and what they printed.

May import: program; http; the modules that all kinds share.
"""
