"""A student's work: found, unpacked out of archives and notebooks, packed for travel. Nothing of it is run here.

May import: workbook, errors.
"""
