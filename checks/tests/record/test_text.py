"""Texts of programs, shortened and made fit to be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labcheck.record.text import printable, quote, shorten, show_bytes, within


@given(st.text(max_size=300), st.integers(40, 200))
def test_shortened_text_fits_and_says_so(text: str, limit: int) -> None:
    """A text that fits is as it was; of another its length is told, and it fits."""
    for short in (shorten(text, limit), within(text, limit)):
        assert len(short) <= limit
        assert (short == text) == (len(text) <= limit)
        assert short == text or f"({len(text):,} characters" in short
    assert within(text, limit)[:5] == text[:5]
    assert within(text, limit)[-5:] == text[-5:]


@given(st.text(max_size=50))
def test_printable_text_moves_no_cursor(text: str) -> None:
    """What is printable is as it was, all else is written out."""
    assert printable(text).isprintable()
    assert text != printable(text) or text.isprintable()


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"hi\r\n", "'hi\\r\\n'"),
        (b"x" * 49, f"'{'x' * 48}' …"),
        (b"\x00\xff", "00 ff"),
        (b"\xff" * 17, " ".join(["ff"] * 16) + " …"),
        (b"", "''"),
    ],
)
def test_bytes_are_shown(data: bytes, shown: str) -> None:
    """Text as text, anything else in hexadecimal; what is left out is said."""
    assert show_bytes(data) == shown


def test_quoted_text_keeps_its_end() -> None:
    """The middle of a long message is left out: its end tells messages apart, too."""
    assert quote("hi") == '"hi"'
    assert quote("a" * 500 + "end").endswith('aend"')
