"""The reports. Each is computed from records and uses nothing else of what was checked.

`one` holds the formats for one submission, `whole_class` those for a class, `comparison` those for several: one module
each, with a function that registers itself (`labcheck.reports.formats`) and returns the text of the report. A new
module there is a new format and also a new option of the command line, with the module's name. Formats of one platform
belong to `labcheck.platforms`.

May import: record, errors.
"""
