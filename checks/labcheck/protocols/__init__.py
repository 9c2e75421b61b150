"""The kinds of programs, a folder each: our client of a server, our peer of a client, and each as a check sees it.

May import: program and what is below it, record.transcript.
"""
