"""Gradescope's results.json: a test for each requirement."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from labcheck.record.record import Outcome
from labcheck.reports.formats import one
from labcheck.reports.wording import explanation, printable, summary

if TYPE_CHECKING:
    from typing import Any

    from labcheck.record.record import Record, RequirementResult


@one("Gradescope's results.json: a test for each requirement")
def render(record: Record) -> str:
    """Return the record as results.json; the score is the sum of the tests' scores.

    Every test is visible, as Gradescope hides the total where one is not. Of a hidden requirement the record holds
    nothing but its title and outcome.
    """
    table = {
        "execution_time": record.seconds,
        "output": summary(record),
        "output_format": "text",
        "stdout_visibility": "hidden",
        "extra_data": {name: getattr(record, name) for name in ("lab", "seed", "labcheck", "sandbox", "python")},
        "tests": [_test(record, each) for each in record.requirements],
    }
    return json.dumps(table, ensure_ascii=False, indent=1) + "\n"


def _test(record: Record, requirement: RequirementResult) -> dict[str, Any]:
    unspoilt = requirement.outcome in (Outcome.PASSED, Outcome.ERROR) and requirement.earned == requirement.points
    return {
        "score": requirement.earned,
        "max_score": requirement.points,
        "status": "passed" if unspoilt else "failed",
        "name": printable(requirement.title),
        "number": requirement.id,
        "output": explanation(record, requirement),
        "output_format": "text",
        "visibility": "visible",
    }
