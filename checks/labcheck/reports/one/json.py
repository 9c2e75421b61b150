"""The record itself, as JSON (record.schema.json).

Everything that is known of a submission; what is written in another format is computed from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.reports.formats import one

if TYPE_CHECKING:
    from labcheck.record.record import Record


@one("the record itself, as JSON (record.schema.json)")
def render(record: Record) -> str:
    """Return the record as JSON."""
    return record.to_json()
