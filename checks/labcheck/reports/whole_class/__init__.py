"""The reports of a class: one module per format.

May import: reports, record.
"""
