"""The reports of one submission: one module per format.

May import: reports, record.
"""
