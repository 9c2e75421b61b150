"""The labs of the workbook: where they are, and what their lab.toml says. Also the user's saved progress and hints.

May import: errors, version.
"""
