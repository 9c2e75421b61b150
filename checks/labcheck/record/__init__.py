"""The result of one submission, and of a class, as data. Reports read this and nothing else.

May import: errors.
"""
