"""Where two texts, or two sequences of bytes, begin to differ: as data, in words, and cut to the width of a report.

The same form shows bytes that break a rule of a protocol: then there is nothing that they are compared with.
"""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, dataclass
from typing import Any, Literal

from labcheck.record.text import printable

KEPT_BEFORE, KEPT_AFTER = 80, 160  # characters or bytes around the first difference
IN_WORDS = 120  # columns of a piece within a sentence
NARROW = 16  # columns that a piece gets at least


@dataclass(frozen=True)
class Piece:
    """What is around the first difference in one of the two texts; in bytes, each is a character of Latin-1.

    `title` introduces it. `size` is the length of the whole text.
    """

    title: str
    text: str
    size: int


@dataclass(frozen=True)
class Difference:
    """The first difference. `place` is the number of its character or byte, counted from 1.

    Both pieces begin after the first `begin` characters or bytes. `expected` is None if what was received is wrong by
    itself.
    """

    unit: Literal["character", "byte"]
    place: int
    begin: int
    received: Piece
    expected: Piece | None = None

    @property
    def where(self) -> str:
        """In words where it begins."""
        return f"{'differs' if self.expected else 'wrong'} from {self.unit} {self.place:,} on"

    def in_words(self) -> tuple[str, str]:
        """Return what was expected and what was received, each as a sentence."""
        expected, received = cut(self, IN_WORDS)
        if self.expected is None:
            return "", f"{self.received.title}; {received} is {self.where}"
        return _introduced(self.expected, expected), f"{_introduced(self.received, received)}; {self.where}"

    def to_table(self) -> dict[str, Any]:
        """Return it as objects for JSON."""
        return asdict(self)

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> Difference:
        """Make it from what `to_table` has returned. Raises TypeError or KeyError for anything else."""
        expected = table["expected"] and Piece(**table["expected"])
        return cls(**{**table, "received": Piece(**table["received"]), "expected": expected})


@dataclass(frozen=True)
class Cut:
    """A piece, cut to a width and with escapes: what comes before the mark, the marked character, and the rest."""

    before: str
    mark: str
    after: str

    def __str__(self) -> str:
        return self.before + self.mark + self.after

    @property
    def caret(self) -> str:
        """A line with a caret that is below the marked character, or behind the end if it is missing."""
        return " " * columns(self.before) + "^"


def compare(expected: str | bytes, received: str | bytes, titles: tuple[str, str]) -> Difference:
    """Return the first difference of two texts that are not equal, or of two sequences of bytes; with their titles."""
    pairs = enumerate(zip(expected, received, strict=False))
    at = next((at for at, (one, other) in pairs if one != other), min(len(expected), len(received)))
    unit: Literal["character", "byte"] = "byte" if isinstance(received, bytes) else "character"
    begin = max(0, at - KEPT_BEFORE)
    return Difference(
        unit, at + 1, begin, _piece(titles[1], received, begin, at), _piece(titles[0], expected, begin, at)
    )


def point_at(data: bytes, at: int, title: str) -> Difference:
    """Return that the byte at the offset `at` is wrong or missing."""
    begin = max(0, at - KEPT_BEFORE)
    return Difference("byte", at + 1, begin, _piece(title, data, begin, at))


def cut(difference: Difference, room: int) -> tuple[Cut | None, Cut]:
    """Return what was expected and what was received in up to `room` columns: the same window of both.

    Bytes are shown as text if they are printable ASCII, otherwise in hexadecimal.
    """
    room = max(NARROW, room) - 4  # for quotation marks, or for ellipses
    pieces = [each for each in (difference.expected, difference.received) if each]
    in_hex = difference.unit == "byte" and difference.expected and not all(map(_is_text, pieces))
    escape = _in_hex if in_hex else printable if difference.unit == "character" else _escaped
    quote, more = ("", "…") if in_hex else ('"', " …")
    cells = [[*map(escape, each.text)] for each in pieces]
    at = difference.place - 1 - difference.begin
    widest = max(columns("".join(each[at : at + 1])) for each in cells)  # of what is marked; an escape may be long
    ahead = max(widest, min(max(columns("".join(each[at:])) for each in cells), room // 2))
    first, width = at, 0
    while first > 0 and (width := width + columns(cells[0][first - 1])) <= room - ahead:
        first -= 1
    lead = quote if first + difference.begin == 0 else "… "
    found = []
    for piece, row in zip(pieces, cells, strict=True):
        last, left = at, room - columns("".join(row[first:at]))
        while last < len(row) and (left := left - columns(row[last])) >= 0:
            last += 1
        tail = quote if difference.begin + last == piece.size else more
        found.append(Cut(lead + "".join(row[first:at]), "".join(row[at:last][:1]), "".join(row[at:last][1:]) + tail))
    return (found[0] if difference.expected else None), found[-1]


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF") for each in text)


def _is_text(piece: Piece) -> bool:
    return piece.text.isascii() and all(each.isprintable() or each in "\t\r\n" for each in piece.text)


def _escaped(byte: str) -> str:
    return repr(byte.encode("latin-1"))[2:-1]


def _in_hex(byte: str) -> str:
    return f"{ord(byte):02x} "


def _piece(title: str, whole: str | bytes, begin: int, at: int) -> Piece:
    kept = whole[begin : at + KEPT_AFTER]
    return Piece(title, kept.decode("latin-1") if isinstance(kept, bytes) else kept, len(whole))


def _introduced(piece: Piece, shown: Cut | None) -> str:
    return " ".join(filter(None, (piece.title, str(shown).strip())))
