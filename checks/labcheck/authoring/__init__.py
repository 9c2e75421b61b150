"""For authors of labs: make a new lab, verify that a lab is consistent, and build the book.

May import: classes and the rooms below it.
"""
