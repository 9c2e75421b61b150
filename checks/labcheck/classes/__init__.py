"""A class: its submissions and its roster, grading on any executor, results and reports.

May import: isolated and the rooms below it, platforms, reports, record.
"""
