"""The points that a course gives to requirements: a file of its own, and what is kept of it beside the results.

It is TOML, with lines such as `"2.3" = 2` (a table `[points]` as in `rules.toml` will do, too), or a table with the
columns `requirement` and `points`.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from labcheck.classes.tables import read_table
from labcheck.errors import UsageError
from labcheck.reports.files import write_report
from labcheck.workbook.points import points_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KEPT = "points.toml"
COLUMNS = ["requirement", "points"]


def read_points(file: Path, requirements: Sequence[str]) -> dict[str, int]:
    """Return the points in a file, by id. Raises UsageError if it cannot be read, or contains a mistake."""
    try:
        table = _toml(file) if file.suffix.lower() == ".toml" else _rows(file)
        return points_of(table, requirements)
    except (OSError, ValueError) as error:
        why = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        raise UsageError(f"{file}: {why}") from error


def keep_points(out: Path, points: dict[str, int]) -> None:
    """Keep the points in a results folder, for this and all later reports. Raises UsageError if that is impossible."""
    lines = [f'"{id}" = {number}' for id, number in points.items()]
    write_report(out / KEPT, "\n".join(["# The points of --points: they replace those in rules.toml.", *lines, ""]))


def kept_points(out: Path, requirements: Sequence[str]) -> dict[str, int] | None:
    """Return the points that are kept in a results folder, or None. Raises UsageError like `read_points`."""
    file = out / KEPT
    return read_points(file, requirements) if file.exists() else None


def _toml(file: Path) -> Any:
    table = tomllib.loads(file.read_text("utf-8"))
    return table.get("points", table)


def _rows(file: Path) -> dict[str, Any]:
    """Return the points in a table that a spreadsheet has written."""
    file.stat()  # a missing file is not reported as a missing class list
    rows = read_table(file, lambda row: len(set(map(_plain, row)) & set(COLUMNS)))
    names = list(map(_plain, rows[0])) if rows else []
    if not set(COLUMNS) <= set(names):
        raise ValueError(f"expected a table with the columns {' and '.join(COLUMNS)}, or a .toml file")
    found: dict[str, Any] = {}
    for row in rows[1:]:
        id, points = ((row[names.index(name)].strip() if names.index(name) < len(row) else "") for name in COLUMNS)
        if id in found:
            raise ValueError(f"{id} is there twice; a spreadsheet makes 1.1 of 1.10 unless the column is text")
        found[id] = int(points) if points.isdecimal() else points
    return found


def _plain(text: str) -> str:
    return text.strip().casefold()
