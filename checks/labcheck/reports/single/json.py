"""The record itself, as JSON (record.schema.json).

Everything that is known of a submission; what is written in another format is computed from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labcheck.record import Record


def render(record: Record) -> str:
    """Return the record as JSON."""
    return record.to_json()
