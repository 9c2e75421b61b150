"""The first difference of two texts: as data, in words, and cut to any width."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from labcheck.record.difference import Difference, columns, compare, cut, point_at
from labcheck.reports.wording import drawn

TITLES = "the message", "the message"


@pytest.mark.parametrize(
    ("expected", "received", "room", "lines"),
    [
        ("yes, but", "yes", 60, ['"yes, but"', '"yes"', "    ^"]),
        ("To server", "to server", 60, ['"To server"', '"to server"', " ^"]),
        ("a\nb", "a\rb", 60, ['"a\\nb"', '"a\\rb"', "  ^"]),
        ("日本x", "日本y", 60, ['"日本x"', '"日本y"', "     ^"]),
        ("x" * 99 + "a", "x" * 99 + "b", 20, ["… " + "x" * 15 + 'a"', "… " + "x" * 15 + 'b"', " " * 17 + "^"]),
        ("a" + "x" * 99, "b" + "x" * 99, 20, ['"a' + "x" * 15 + " …", '"b' + "x" * 15 + " …", " ^"]),
        (b"a\r\nb", b"a\nb", 60, ['"a\\r\\nb"', '"a\\nb"', "  ^"]),
        (b"a\r\n\xff", b"a\n\xff", 60, ["61 0d 0a ff ", "61 0a ff ", "   ^"]),
    ],
)
def test_both_sides_are_cut_to_the_same_window(
    expected: str | bytes, received: str | bytes, room: int, lines: list[str]
) -> None:
    """The caret is under the first character or byte that differs, also behind wide ones and in hexadecimal."""
    first, second = cut(compare(expected, received, TITLES), room)
    assert [str(first), str(second), second.caret] == lines


@example("0000000", "", "\U0002ebe1", 20, False)
@example("\U00018cd6", "\U00018cd6", "", 23, False)
@given(st.text(max_size=300), st.text(max_size=200), st.text(max_size=200), st.integers(20, 120), st.booleans())
def test_cut_fits_and_marks_the_first_difference(common: str, one: str, other: str, room: int, as_bytes: bool) -> None:
    """At any width, both pieces fit, begin alike, and go on with characters that differ."""
    expected, received = common + one, common + other
    if expected == received:
        return
    if as_bytes:
        difference = compare(expected.encode("utf-8", "replace"), received.encode("utf-8", "replace"), TITLES)
    else:
        difference = compare(expected, received, TITLES)
        assert expected[: difference.place - 1] == received[: difference.place - 1]
        assert expected[difference.place - 1 :][:1] != received[difference.place - 1 :][:1]
    first, second = cut(difference, room)
    assert first is not None
    assert first.before == second.before
    assert first.mark != second.mark
    for each in (first, second):
        assert columns(str(each).rstrip()) <= room
        assert str(each).isprintable()
    assert Difference.from_table(json.loads(json.dumps(difference.to_table()))) == difference


@given(st.binary(max_size=300), st.integers(0, 300), st.integers(20, 120))
def test_wrong_byte_is_marked(data: bytes, at: int, room: int) -> None:
    """Any bytes are shown in one line that fits, with the caret under the wrong one or behind the last one."""
    at = min(at, len(data))
    nothing, shown = cut(point_at(data, at, "not HTTP"), room)
    assert nothing is None
    assert str(shown).isprintable()
    assert len(str(shown)) <= room
    assert shown.mark == repr(data[at : at + 1])[2:-1]


@pytest.mark.parametrize("room", [34, 54, 94])
def test_drawing_is_as_wide_as_the_terminal(room: int) -> None:
    """At 60, 80 and 120 columns, the two sides are in the same columns, and no line would be wrapped."""
    difference = compare(b"<!DOCTYPE html>" * 20, b"<!doctype html>", ("300 bytes:", "15 bytes:"))
    shown = drawn(difference, room)
    *_, expected = shown["expected"].split("\n")
    lines = shown["received"].split("\n")
    caret = next(each for each in lines if each.lstrip().startswith("^")).index("^")
    received = lines[[each.lstrip().startswith("^") for each in lines].index(True) - 1]
    assert (expected[caret], received[caret]) == ("D", "d")
    assert expected[expected.index('"') : caret] == received[received.index('"') : caret]
    assert max(map(len, (expected, *lines))) <= room
    assert "differs from byte 3 on" in shown["received"]


def test_difference_is_said_in_words() -> None:
    """Reports that draw nothing say from which character on the two differ."""
    words = compare("yes, but", "yes", TITLES).in_words()
    assert words == ('the message "yes, but"', 'the message "yes"; differs from character 4 on')
    assert point_at(b"HTTP 1", 4, "not HTTP").in_words() == ("", 'not HTTP; "HTTP 1" is wrong from byte 5 on')
