"""Judges the programs of a network programming workbook from outside."""

__version__ = "0.1.0"
