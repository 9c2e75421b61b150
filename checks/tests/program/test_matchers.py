"""Every match in a program's output is found exactly once, no matter how a pipe splits the output."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labcheck.program.matchers import OVERLAP, Line, Matcher, Text, Traceback, Window

if TYPE_CHECKING:
    from collections.abc import Callable

MAKERS: dict[str, Callable[[], Matcher]] = {
    "a text": lambda: Text("ab"),
    "a text in any case": lambda: Text("Ab", fold=True),
    "a traceback": Traceback,
    "a line": lambda: Line("ab", [b"? "]),
}
WORDS = ["a", "b", "ab", "AB", "\n", "\r\n", " ", "? ", "x", "Traceback", "DEBUG "]


def feed(matcher: Matcher, pieces: list[bytes]) -> tuple[int, int]:
    """Feed pieces as Output does, starting at the beginning of a line; return the count and the last place."""
    before, start = b"\n", 0
    for piece in pieces:
        matcher.feed(Window(before, piece, start - len(before)))
        start += len(piece)
        before = (before + piece)[-OVERLAP:]
    return matcher.count, matcher.last


@pytest.mark.parametrize("name", MAKERS)
@given(words=st.lists(st.sampled_from(WORDS), max_size=12), cuts=st.lists(st.integers(0, 60), max_size=4))
def test_pieces_are_like_the_whole(name: str, words: list[str], cuts: list[int]) -> None:
    """Any way of splitting the output gives the same matches at the same places."""
    whole = "".join(words).encode()
    places = sorted({0, *(min(cut, len(whole)) for cut in cuts), len(whole)})
    pieces = [whole[a:b] for a, b in pairwise(places)]
    assert feed(MAKERS[name](), pieces) == feed(MAKERS[name](), [whole])


@pytest.mark.parametrize(
    ("matcher", "text", "count", "last"),
    [
        (Text("ab"), "xabab", 2, 5),
        (Text("ab"), "AB", 0, -1),
        (Text("ab", fold=True), "xAB", 1, 3),
        (Traceback(), "Traceback (most", 1, 9),
        (Traceback(), "a Traceback", 0, -1),
        (Traceback(), "DEBUG it failed\nTraceback (most", 0, -1),
        (Traceback(), "INFO it failed\nTraceback (most", 1, 24),
        (Line("ab", [b"? "]), "? ab \n", 1, 6),
        (Line("ab", []), "? ab\n", 0, -1),
        (Line("ab", []), "ab", 0, -1),
    ],
)
def test_what_is_found(matcher: Matcher, text: str, count: int, last: int) -> None:
    """The number of matches, and the end of the last one."""
    assert feed(matcher, [text.encode()]) == (count, last)
