"""What a server sent over TCP, in the words of a failed comparison."""

from __future__ import annotations

from labcheck.protocols.lines.evidence import Line


def test_line_that_is_not_one_of_several() -> None:
    """Each line that is right is named: a time of day may be that of two seconds."""
    found = Line("5 o'clock").mismatch("in", ["14:05:09", "14:05:10"])
    assert found.expected == "the line '14:05:09' or '14:05:10'"
    assert found.received == '''the line "5 o'clock"'''


def test_line_without_a_text() -> None:
    """The text is named that is not in it."""
    found = Line("hello").mismatch("in", "time")
    assert (found.expected, found.received) == ("a line with 'time'", "the line 'hello'")
