"""The labs of the workbook: where they are, and what their lab.toml says.

May import: errors, version.
"""
