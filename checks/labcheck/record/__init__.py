"""The result of one submission, and of a class, as data. Every report reads this and nothing else.

May import: errors.
"""
