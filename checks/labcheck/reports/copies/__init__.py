"""Programs of a class that resemble each other: what they share apart from what everybody was given.

`lexer` makes symbols of a program's text, `winnowing` chooses fingerprints among them, `pairs` finds the programs of a
class that share many, `passages` finds the lines that two programs share, and `page` shows them.

May import: record and the rest of reports.
"""
