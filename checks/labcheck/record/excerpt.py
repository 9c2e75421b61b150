"""Lines of a student's file around one that Python cannot read."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

AROUND = 3  # lines before that line, and after it
WIDTH = 200  # characters of a line


@dataclass(frozen=True)
class Excerpt:
    """The lines, the first of which has the number `first`, and what Python reports: `kind` (SyntaxError) and `said`.

    `column` is where in the line at fault, counted in characters from 1; 0 if that is not known.
    """

    kind: str
    said: str
    first: int
    lines: list[str]
    column: int

    def to_table(self) -> dict[str, Any]:
        """Return it as objects for JSON."""
        return asdict(self)


def excerpt(source: bytes, line: int, kind: str, said: str, column: int) -> Excerpt | None:
    """Return the lines around this one; None if the file has no such line.

    `column` is counted without the blanks at the beginning of the line.
    """
    rows = re.split("\r\n|\r|\n", source.decode("utf-8-sig", "replace"))
    if not source or not 0 < line <= len(rows):
        return None
    row = rows[line - 1]
    column += column and len(row) - len(row.lstrip(" \t\f"))
    first = max(1, line - AROUND)
    lines = [each[:WIDTH] for each in rows[first - 1 : line + AROUND]]
    return Excerpt(kind, said, first, lines, column if column <= WIDTH else 0)
