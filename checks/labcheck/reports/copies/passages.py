"""Finds the passages that two programs share, and the lines that they are on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labcheck.reports.copies.winnowing import GRAM, grams, own_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

    from labcheck.reports.copies.lexer import Symbols

FEW = 8  # places that are tried for a passage: more only if a program repeats itself
NOTHING = 0, 255  # no symbols: they stand for what does not count, in the first and in the second program


@dataclass(frozen=True)
class Lines:
    """The first and the last line of a passage in a program, counted from 1."""

    first: int
    last: int


@dataclass(frozen=True)
class Passage:
    """Lines of two programs that are equal apart from names, values, comments and layout."""

    first: Lines
    second: Lines


def passages(one: Symbols, two: Symbols, ignored: Set[bytes]) -> list[Passage]:
    """Return the passages that two programs share, in the order of the first one. Ignored grams do not count."""
    here, there = (_counting(each.codes, ignored, filler) for each, filler in zip((one, two), NOTHING, strict=True))
    places: dict[bytes, list[int]] = defaultdict(list)
    for place, gram in enumerate(grams(there)):
        if len(places[gram]) < FEW:
            places[gram].append(place)
    found = []
    start = 0
    while start <= len(here) - GRAM:
        tried = places.get(here[start : start + GRAM], ())
        length, place = max(((_alike(here, start, there, each), -each) for each in tried), default=(0, 0))
        if length:
            found.append(Passage(_lines(one, start, length), _lines(two, -place, length)))
        start += length or 1
    return found


def own_lines(program: Symbols, ignored: Set[bytes]) -> Iterator[int]:
    """Yield the lines that have something that counts."""
    for start, end in own_runs(program.codes, ignored):
        yield from program.lines[start:end]


def _counting(codes: bytes, ignored: Set[bytes], filler: int) -> bytes:
    """Return the symbols, with a filler for each that does not count."""
    left = bytearray([filler]) * len(codes)
    for start, end in own_runs(codes, ignored):
        left[start:end] = codes[start:end]
    return bytes(left)


def _alike(here: bytes, start: int, there: bytes, place: int) -> int:
    """Return the number of equal symbols from these places on."""
    most = min(len(here) - start, len(there) - place)
    done = 0
    for size in (1024, 32, 1):  # many at once, as long as that is possible
        while done < most and here[start + done : start + done + size] == there[place + done : place + done + size]:
            done += size
    return min(done, most)


def _lines(program: Symbols, start: int, length: int) -> Lines:
    return Lines(program.lines[start], program.lines[start + length - 1])
