"""The reports: each is computed from records, and knows nothing else of what was judged.

`one` holds the formats of one submission, `whole_class` those of a class: a module each, with a function that registers
itself (`labcheck.reports.formats`) and returns the report's text. A new format is a new module there, and by that an
option of the command line with the module's name. What is one system's own belongs to `labcheck.platforms`.

May import: record, errors.
"""
