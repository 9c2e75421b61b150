"""The workbook: its labs, what their lab.toml says, and how labcheck with all of them is installed elsewhere.

May import: errors, version.
"""
