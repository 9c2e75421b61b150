"""Where a student's programs live and what they may do: private copies, protections, limits, process trees.

May import: submission and what is below it.
"""
