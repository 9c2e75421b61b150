"""The judging of one submission: its programs, its budget, its checks under pytest, and what they have found.

May import: protocols and what is below it, record.
"""
