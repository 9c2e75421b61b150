"""For authors of labs: proof that a lab is consistent, and the book.

May import: everything but cli.
"""
