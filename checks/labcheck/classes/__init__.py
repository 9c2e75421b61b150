"""A class: what was handed in, who is in it, grading it on any executor, its results and reports.

May import: isolated and what is below it, platforms, reports, record.
"""
