"""The reports of several classes side by side: one module per format.

May import: reports, record.
"""
