"""What belongs to one system, a file each: its reports, its grade import, its CI.

`formats` and `ci` are what it registers with; `people` is what the exports of a class share.

May import: reports, record, workbook, errors, version.
"""
