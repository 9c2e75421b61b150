"""A submission: find it, unpack archives and notebooks, pack it for transport. No student code is run here.

May import: workbook, errors.
"""
