"""What is looked for in a program's output, as it passes in pieces.

A matcher is fed each piece with what came before it (at least OVERLAP bytes, where there were as many), and counts what
ends in the piece: what was cut in two between pieces is found, and nothing twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

OVERLAP = 4096  # bytes; what is looked for is shorter


@dataclass
class Window:
    """A piece of output, with what came before it; `start` is the place of the first byte in the whole output."""

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
        """Return the first place at which something of so many bytes may begin, so that it ends in the piece."""
        return max(0, len(self.before) - length + 1)


class Matcher(Protocol):
    """Something that is looked for: how often it has come, and where it ended last, in bytes; -1 for never."""

    count: int
    last: int

    def feed(self, window: Window) -> None:
        """Look for it in what has come."""
        ...


class Text:
    """A text, anywhere; `fold`: in any case."""

    def __init__(self, text: str, *, fold: bool = False) -> None:
        self.count = 0
        self.last = -1
        self._fold = fold
        self._needle = (text.lower() if fold else text).encode()

    def feed(self, window: Window) -> None:
        """Look for it."""
        stack = window.lower if self._fold else window.text
        first = window.first_end(len(self._needle))
        if (found := stack.rfind(self._needle, first)) >= 0:
            self.count += stack.count(self._needle, first)
            self.last = window.start + found + len(self._needle)


class Traceback:
    """The first word of a traceback, where a line starts with it.

    One that a library shows in its debug log was caught, and is nobody's failure.
    """

    name = "Traceback"

    def __init__(self) -> None:
        self.count = 0
        self.last = -1
        self._needle = f"\n{self.name}".encode()

    def feed(self, window: Window) -> None:
        """Look for it."""
        place = window.first_end(len(self._needle))
        while (place := window.text.find(self._needle, place)) >= 0:
            line = window.text.rfind(b"\n", 0, place) + 1
            if b"DEBUG" not in window.text[line:place]:
                self.count += 1
                self.last = window.start + place + len(self._needle)
            place += 1


class Line:
    """A whole line; blanks at its end, and what a terminal needs to begin a line, do not matter.

    `prompts` are texts without a line end, after which a line may follow.
    """

    def __init__(self, line: str, prompts: Iterable[bytes]) -> None:
        self.count = 0
        self.last = -1
        self._needle = line.rstrip().encode()
        shown = [re.escape(prompt) for prompt in prompts]
        begin = b"|".join([rb"[\r\n]", rb"\x1b\[\d*[KGJ]", *shown])
        # The line end is looked at, and not taken: the next line begins with it. A prompt of another
        # thread may come between a line and its end: unbuffered, print() writes the two apart.
        between = b"|".join(shown) or rb"(?!)"
        self._pattern = re.compile(rb"(?:%b)%b(?=[ \t]*((?:%b)*\r?\n))" % (begin, re.escape(self._needle), between))

    def feed(self, window: Window) -> None:
        """Look for it."""
        if self._needle not in window.text:
            return
        for match in self._pattern.finditer(window.text):
            if match.end(1) > len(window.before):
                self.count += 1
                self.last = window.start + match.end(1)
