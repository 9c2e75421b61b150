"""The reports of one submission, a format each.

May import: reports, record.
"""
