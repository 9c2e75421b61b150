"""Texts of programs, shortened and made printable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labcheck.record.text import is_own_file, last_lines, printable, quote, shorten, show_bytes, within


@given(st.text(max_size=300), st.integers(40, 200))
def test_shortened_text_fits_and_says_so(text: str, limit: int) -> None:
    """A text that fits is unchanged; a longer one is cut to the limit, with a note of its length."""
    for short in (shorten(text, limit), within(text, limit)):
        assert len(short) == min(len(text), limit)  # no room is wasted
        assert (short == text) == (len(text) <= limit)
        assert short == text or f"({len(text):,} characters" in short
    if len(text) > limit:
        start, end = within(text, limit).split(f" … ({len(text):,} characters in all) … ")
        assert text.startswith(start)
        assert text.endswith(end)
        assert len(start) - len(end) in (0, 1)


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("x" * 40, 40, "x" * 40),
        ("x" * 41, 40, "x" * 22 + " … (41 characters)"),
        ("x" * 1_234, 40, "x" * 19 + " … (1,234 characters)"),
    ],
)
def test_length_is_noted_at_the_end(text: str, limit: int, short: str) -> None:
    """The note at the end counts the whole text, including the part that was left out."""
    assert shorten(text, limit) == short


def test_no_room_for_a_middle() -> None:
    """If the limit is too small for the note, the text is just cut off."""
    gap = len(" … (99 characters in all) … ")
    assert within("x" * 99, gap) == "x" * gap
    assert within("x" * 99, gap + 1) == "x" + " … (99 characters in all) … "


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("webserver.py", True),
        ("parts/page.py", True),
        *((name, False) for name in ("/a/b.py", "../b.py", "a/../../b.py", "C:\\x.py", "C:/x.py", "a.txt", "<string>")),
    ],
)
def test_own_file_is_in_the_students_folder(name: str, own: bool) -> None:
    """A path that leads out of the submission, or not to a program, is not one of the student's files."""
    assert is_own_file(name) is own


@given(st.text(max_size=50))
def test_printable_text_moves_no_cursor(text: str) -> None:
    """Printable text is unchanged; everything else is escaped."""
    assert printable(text).isprintable()
    assert text != printable(text) or text.isprintable()


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"hi\r\n", "'hi\\r\\n'"),
        (b"x" * 48, f"'{'x' * 48}'"),
        (b"x" * 49, f"'{'x' * 48}' …"),
        (b" ~\t", "' ~\\t'"),
        (b"\x1f", "1f"),
        (b"\x7f", "7f"),
        (b"\xff" * 16, " ".join(["ff"] * 16)),
        (b"\x00\xff", "00 ff"),
        (b"\xff" * 17, " ".join(["ff"] * 16) + " …"),
        (b"", "''"),
        ("é\n日本".encode(), "'é\\n日本'"),
        (("x" * 46 + "日本").encode(), f"'{'x' * 46}' …"),
        ("\u202eabc".encode(), "e2 80 ae 61 62 63"),
    ],
)
def test_bytes_are_shown(data: bytes, shown: str) -> None:
    """Text is shown as text, anything else in hexadecimal; an ellipsis marks what is left out."""
    assert show_bytes(data) == shown


def test_quoted_text_keeps_its_end() -> None:
    """The middle of a long message is left out, because messages may differ only at the end."""
    assert quote("hi") == '"hi"'
    assert quote("a" * 120) == '"' + "a" * 120 + '"'
    assert len(quote("a" * 121)) == 122
    assert quote("a" * 500 + "end").endswith('aend"')


def test_lines_before_the_last_ones_are_counted() -> None:
    """Only lines that were left out are counted."""
    assert last_lines("a\nb\nc\n", 3) == "a\nb\nc"
    assert last_lines("a\nb\nc\n", 2) == "(1 line before these)\nb\nc"
    assert last_lines("a\nb\nc\nd", 2) == "(2 lines before these)\nc\nd"
    assert last_lines("", 2) == ""
