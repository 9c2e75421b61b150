"""A table of the requirements, a row each, for a spreadsheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.reports.cells import to_cells
from labcheck.reports.formats import one
from labcheck.reports.wording import block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.record.record import Record

COLUMNS = ("id", "title", "outcome", "points", "earned", "expected", "received", "note")
CELL = 30_000  # characters; spreadsheets cut off what comes after 32,767


@one("a table of the requirements, a row each, for a spreadsheet")
def render(record: Record) -> str:
    """Return the table, as CSV with a row of headings."""
    rows: list[Sequence[str | float]] = [
        (
            *(each.id, block(each.title, CELL), str(each.outcome), each.points, each.earned),
            *(block(text, CELL) for text in (each.expected, each.received, each.reason)),
        )
        for each in record.requirements
    ]
    return to_cells([COLUMNS, *rows])
