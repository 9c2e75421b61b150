"""PrairieLearn's results.json: a test for each requirement, up to 1 MB."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from labcheck.record.text import within
from labcheck.reports.formats import one
from labcheck.reports.wording import EXPLAINED, block, explanation, heading, provisional, summary

if TYPE_CHECKING:
    from labcheck.record.record import Record

MOST = 1_000_000  # bytes; PrairieLearn refuses larger results
PRINTED = 5  # the output may have this many times the characters of an explanation


@one("PrairieLearn's results.json: a test for each requirement, up to 1 MB")
def render(record: Record) -> str:
    """Return the record as results.json. If it is too large, its texts are shortened; the points stay the same."""
    limit = EXPLAINED
    text = _text(record, limit)
    while limit and len(text.encode()) > MOST:
        limit //= 2
        text = _text(record, limit)
    return text


def _text(record: Record, limit: int) -> str:
    """Return results.json with up to `limit` characters in each text."""
    printed = "\n".join(text for each in record.programs for text in (each.stdout, each.stderr) if text)
    table = {
        "score": record.score / record.max_score if record.max_score else 0.0,
        "gradable": True,
        "message": "\n".join(filter(None, [provisional(record), summary(record)])),
        "output": block(printed, limit * PRINTED),
        "tests": [
            {
                "name": within(heading(each), limit),
                "points": each.earned,
                "max_points": each.points,
                "output": explanation(record, each, limit),
            }
            for each in record.requirements
        ],
    }
    return json.dumps(table, ensure_ascii=False, indent=1) + "\n"
