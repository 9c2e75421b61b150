"""One running program: start it, watch its port and its output, press Ctrl+C, end its whole process tree.

This room knows no protocol and nothing of pytest. May import: sandbox and the rooms below it; record.text.
"""
