"""Where a student's programs run and what they are allowed to do: private copies, protections, limits, process trees.

May import: submission and the rooms below it.
"""
