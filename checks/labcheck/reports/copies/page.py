"""The programs that resemble each other, as a page and as a table. Only the instructor sees them.

The page is one file that needs no network and runs no script. All text of students is shown as text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.record.text import printable, shorten
from labcheck.reports.cells import to_cells
from labcheck.reports.copies.lexer import symbols
from labcheck.reports.copies.pairs import submitted_as
from labcheck.reports.copies.passages import Lines, Passage, own_lines, passages
from labcheck.reports.one import html

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from jinja2 import Template

    from labcheck.record.gradebook import Gradebook
    from labcheck.reports.copies.lexer import Symbols
    from labcheck.reports.copies.pairs import Similar, Version, Work

# Limits that keep the page small enough to open. The table has all groups and pairs.
MOST_ROWS = 200
MOST_LINES = 1_000  # of a program
WIDTH = 200  # characters of a line
IDENTICAL, EQUAL, SIMILAR = "identical", "equal", "similar"  # equal: has the same symbols


@dataclass(frozen=True)
class Line:
    """A line of a program: its number, its text, and the number of the shared passage it is in; 0: in none.

    `is_own`: it has something that the student was not given.
    """

    number: int
    text: str
    passage: int
    is_own: bool


@dataclass(frozen=True)
class Side:
    """A program beside another one: who submitted it, under which name, its lines and the number of further ones."""

    names: list[str]
    file: str
    lines: list[Line]
    left_out: int


@dataclass(frozen=True)
class Row:
    """A group or a pair: in words what it is, its works, and one or two of its programs with what they share."""

    what: str
    works: list[Work]
    sides: list[Side]
    passages: list[Passage]

    @property
    def files(self) -> str:
        """The names of the programs that are shown."""
        return " and ".join(dict.fromkeys(side.file for side in self.sides))


def render(gradebook: Gradebook, similar: Similar) -> str:
    """Return the page."""
    groups = similar.groups[:MOST_ROWS]
    pairs = similar.pairs[: MOST_ROWS - len(groups)]
    reader = _Reader(similar.ignored)
    return _template().render(
        gradebook=gradebook,
        similar=similar,
        groups=[reader.row(_how(work), [work], work.versions[:2]) for work in groups],
        pairs=[
            reader.row(f"{_percent(pair.share)} %", works, [work.versions[0] for work in works])
            for pair in pairs
            for works in [[pair.first, pair.second]]
        ],
        left_out=len(similar.groups) + len(similar.pairs) - len(groups) - len(pairs),
        unread=[
            f"{entry.name} ({submitted_as(entry, version.file)})"
            for version in similar.unread
            for entry in version.holders
        ],
        style=html.style(),
    )


def table(similar: Similar) -> str:
    """Return all groups and pairs as CSV."""
    rows: list[list[str | float]] = [["kind", "percent", "program", "students", "other program", "other students"]]
    for work in similar.groups:
        rows.append([_how(work), 100, work.files, "; ".join(work.names), "", ""])
    for pair in similar.pairs:
        cells = [[work.files, "; ".join(work.names)] for work in (pair.first, pair.second)]
        rows.append([SIMILAR, _percent(pair.share), *cells[0], *cells[1]])
    return to_cells(rows)


class _Reader:
    """Reads the programs for the page, each once, because a program may be in many pairs."""

    def __init__(self, ignored: Set[bytes]) -> None:
        self._ignored = ignored
        self._symbols: dict[Version, Symbols] = {}
        self._lines: dict[Version, list[Line]] = {}
        self._lengths: dict[Version, int] = {}

    def row(self, what: str, works: list[Work], versions: Sequence[Version]) -> Row:
        """Return a group or a pair, with one or two of its programs."""
        for version in versions:
            self._read(version)
        both = [self._symbols[version] for version in versions]
        shared = passages(both[0], both[1], self._ignored) if len(both) == 2 else []
        marked = [[each.first for each in shared], [each.second for each in shared]]
        sides = [self._side(version, lines) for version, lines in zip(versions, marked, strict=False)]
        return Row(what, works, sides, shared)

    def _read(self, version: Version) -> None:
        if version in self._symbols:
            return
        text = version.text
        self._symbols[version] = symbols(text)
        own = set(own_lines(self._symbols[version], self._ignored))
        rows = text.split("\n")
        self._lengths[version] = len(rows)
        self._lines[version] = [
            Line(number, shorten(printable(row.rstrip("\r").expandtabs(4)), WIDTH), 0, number in own)
            for number, row in enumerate(rows[:MOST_LINES], start=1)
        ]

    def _side(self, version: Version, marked: Sequence[Lines]) -> Side:
        """Return a program with its lines; those in a shared passage have its number."""
        passage_of = {line: place for place, each in enumerate(marked, 1) for line in range(each.first, each.last + 1)}
        lines = [
            replace(line, passage=passage_of[line.number]) if line.number in passage_of else line
            for line in self._lines[version]
        ]
        names = list(dict.fromkeys(entry.name for entry in version.holders))
        return Side(names, version.files, lines, max(0, self._lengths[version] - MOST_LINES))


def _percent(share: float) -> int:
    return int(100 * share)  # not rounded: 100 % is everything


def _how(work: Work) -> str:
    return IDENTICAL if len(work.versions) == 1 else EQUAL


@cache
def _template() -> Template:
    environment = html.environment(Path(__file__).parent)
    environment.filters["printable"] = printable
    return environment.get_template("page.html.jinja")
