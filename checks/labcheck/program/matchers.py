"""Searches a program's output, which arrives in pieces, for texts, lines and tracebacks.

A matcher gets each piece together with the output before it (at least OVERLAP bytes, if there were that many). It
counts the matches that end in the new piece: so it finds a match that is split between pieces, and counts none twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

NEVER_AWAITED = "was never awaited"  # Python's warning about a coroutine that nothing waited for
OVERLAP = 4096  # bytes; every searched text is shorter


@dataclass
class Window:
    """A piece of output and the output before it; `start` is the offset of the first byte in the whole output."""

    before: bytes
    piece: bytes
    start: int

    @cached_property
    def text(self) -> bytes:
        """All of it."""
        return self.before + self.piece

    @cached_property
    def lower(self) -> bytes:
        """All of it, in lower case."""
        return self.text.lower()

    def first_end(self, length: int) -> int:
        """Return the first offset where a match of `length` bytes may begin and still end in the piece."""
        return max(0, len(self.before) - length + 1)


class Matcher(Protocol):
    """Searches for one thing. `count` is the number of matches, `last` the end of the last one in bytes, or -1."""

    count: int
    last: int

    def feed(self, window: Window) -> None:
        """Search the new piece."""
        ...


class Text:
    """A text, anywhere in the output; `fold` ignores upper and lower case."""

    def __init__(self, text: str, *, fold: bool = False) -> None:
        self.count = 0
        self.last = -1
        self._fold = fold
        self._needle = (text.lower() if fold else text).encode()

    def feed(self, window: Window) -> None:
        """Search the new piece."""
        stack = window.lower if self._fold else window.text
        first = window.first_end(len(self._needle))
        if (found := stack.rfind(self._needle, first)) >= 0:
            self.count += stack.count(self._needle, first)
            self.last = window.start + found + len(self._needle)


class Traceback:
    """The first word of a traceback, at the beginning of a line.

    A traceback in a library's debug log does not count: the library caught that exception.
    """

    name = "Traceback"

    def __init__(self) -> None:
        self.count = 0
        self.last = -1
        self._needle = f"\n{self.name}".encode()

    def feed(self, window: Window) -> None:
        """Search the new piece."""
        place = window.first_end(len(self._needle))
        while (place := window.text.find(self._needle, place)) >= 0:
            line = window.text.rfind(b"\n", 0, place) + 1
            if b"DEBUG" not in window.text[line:place]:
                self.count += 1
                self.last = window.start + place + len(self._needle)
            place += 1


class Line:
    """A whole line. Blanks at its end do not matter, nor do the control sequences that begin a line on a terminal.

    `prompts` are texts without a line end; the line may follow one of them.
    """

    def __init__(self, line: str, prompts: Iterable[bytes]) -> None:
        self.count = 0
        self.last = -1
        self._needle = line.rstrip().encode()
        shown = [re.escape(prompt) for prompt in prompts]
        begin = b"|".join([rb"[\r\n]", rb"\x1b\[\d*[KGJ]", *shown])
        # The line end is only looked at, not consumed: the next line begins with it. A prompt that another thread
        # prints may come between a line and its end: unbuffered, print() writes the two separately.
        between = b"|".join(shown) or rb"(?!)"
        self._pattern = re.compile(rb"(?:%b)%b(?=[ \t]*((?:%b)*\r?\n))" % (begin, re.escape(self._needle), between))

    def feed(self, window: Window) -> None:
        """Search the new piece."""
        if self._needle not in window.text:
            return
        for match in self._pattern.finditer(window.text):
            if match.end(1) > len(window.before):
                self.count += 1
                self.last = window.start + match.end(1)
