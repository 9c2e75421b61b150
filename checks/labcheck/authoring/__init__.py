"""For authors of labs: verify that a lab is consistent, and build the book.

May import: classes and the rooms below it.
"""
