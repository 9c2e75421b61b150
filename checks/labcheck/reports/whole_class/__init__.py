"""The reports of a class, a format each.

May import: reports, record.
"""
