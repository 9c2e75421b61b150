"""The command line: only arguments and exit statuses.

May import: every other room.
"""
