"""Checks one submission: its programs, its time budget, its checks under pytest, and their results.

The catalogue of titles and hints is here as well, because it loads suites. May import: protocols and the rooms below
it, record, workbook. The rooms below it know nothing of pytest.
"""
