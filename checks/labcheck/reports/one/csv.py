"""A table of the requirements for a spreadsheet, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.reports.cells import to_cells
from labcheck.reports.formats import one
from labcheck.reports.wording import block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.record.record import Record

COLUMNS = ("id", "title", "outcome", "points", "earned", "expected", "received", "note")
CELL = 30_000  # characters; spreadsheets cut off a cell after 32,767


@one("a table of the requirements for a spreadsheet, one row each")
def render(record: Record) -> str:
    """Return the table as CSV, with a header row."""
    rows: list[Sequence[str | float]] = [
        (
            *(each.id, block(each.title, CELL), str(each.outcome), each.points, each.earned),
            *(block(text, CELL) for text in (each.expected, each.received, each.reason)),
        )
        for each in record.requirements
    ]
    return to_cells([COLUMNS, *rows])
