"""The record itself as JSON (record.schema.json).

It holds everything that is known about a submission; the other formats are computed from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.reports.formats import one

if TYPE_CHECKING:
    from labcheck.record.record import Record


@one("the record itself as JSON (record.schema.json)")
def render(record: Record) -> str:
    """Return the record as JSON."""
    return record.to_json()
