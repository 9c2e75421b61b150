"""Whose fault it is: three kinds, never mixed up.

The student's fault is a failed requirement (see `labcheck.suite`), never an exception that
reaches the command line.
"""


class UsageError(Exception):
    """The command was given something it cannot use: one line, exit status 2."""


class SuiteError(Exception):
    """A lab contradicts itself: its author's fault, exit status 3."""
