"""The lines of a student's file around one that Python cannot read."""

from __future__ import annotations

from labcheck.record.excerpt import WIDTH, Excerpt, excerpt

SOURCE = b"\xef\xbb\xbfone\r\ntwo\x0c\r\nthree\n    fo\xc3\xbcr)\nfive \xff\nsix\nseven\neight"


def test_lines_around_the_place() -> None:
    """There are three lines before and after it, as Python counts them; the column counts the indentation."""
    found = excerpt(SOURCE, 4, "SyntaxError", "unmatched ')'", 5)
    lines = ["one", "two\x0c", "three", "    foür)", "five \ufffd", "six", "seven"]
    assert found == Excerpt("SyntaxError", "unmatched ')'", 1, lines, 9)
    assert lines[3][found.column - 1] == ")"


def test_ends_of_the_file() -> None:
    """At the end there are fewer lines; nothing is shown for a line that the file does not have."""
    found = excerpt(SOURCE, 8, "SyntaxError", "", 0)
    assert found is not None
    assert (found.first, found.lines, found.column) == (5, ["five \ufffd", "six", "seven", "eight"], 0)
    for line in (0, 9):
        assert excerpt(SOURCE, line, "SyntaxError", "", 0) is None
    assert excerpt(b"", 1, "SyntaxError", "", 0) is None


def test_long_lines_are_cut() -> None:
    """A line of a megabyte is cut, and a place behind the cut has no column."""
    for column, kept in ((WIDTH, WIDTH), (WIDTH + 1, 0)):
        found = excerpt(b"x" * 1_000_000, 1, "SyntaxError", "", column)
        assert found == Excerpt("SyntaxError", "", 1, ["x" * WIDTH], kept)
