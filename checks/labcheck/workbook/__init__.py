"""The labs of the workbook: where they live, what their lab.toml says; and what labcheck remembers of its user.

May import: errors, version.
"""
