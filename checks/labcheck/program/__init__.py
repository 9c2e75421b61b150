"""One running program: its start, its port, its output, Ctrl+C, and its whole tree gone. Knows no protocol.

May import: sandbox and what is below it.
"""
