"""Gradescope: its results.json, with a test for each requirement, and its autograder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from labcheck.platforms import ci
from labcheck.record.record import Outcome
from labcheck.record.text import printable
from labcheck.reports.formats import one
from labcheck.reports.wording import explanation, provisional, summary
from labcheck.workbook.wheel import packed

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from labcheck.platforms.sources import Source
    from labcheck.record.record import Record, RequirementResult
    from labcheck.workbook.labs import Lab


@one("Gradescope's results.json: a test for each requirement")
def render(record: Record) -> str:
    """Return the record as results.json. The score is the sum of the tests' scores; `output` says if it is provisional.

    Every test is visible, because Gradescope hides the total if one is not. For a hidden requirement, the record
    contains only the title and the outcome.
    """
    table = {
        "execution_time": record.seconds,
        "output": "\n".join(filter(None, [provisional(record), summary(record)])),
        "output_format": "text",
        "stdout_visibility": "hidden",
        "extra_data": {name: getattr(record, name) for name in ("lab", "seed", "labcheck", "sandbox", "python")},
        "tests": [_test(record, each) for each in record.requirements],
    }
    return json.dumps(table, ensure_ascii=False, indent=1) + "\n"


def _test(record: Record, requirement: RequirementResult) -> dict[str, Any]:
    all_points = requirement.outcome is Outcome.PASSED and requirement.earned == requirement.points
    return {
        "score": requirement.earned,
        "max_score": requirement.points,
        "status": "passed" if all_points else "failed",
        "name": printable(requirement.title),
        "number": requirement.id,
        "output": explanation(record, requirement),
        "output_format": "text",
        "visibility": "visible",
    }


def _autograder(lab: Lab, source: Source) -> dict[str, bytes]:
    files = {name: (ci.text(name, lab, source), 0o755) for name in ("setup.sh", "run_autograder")}
    if source.wheel:
        files[source.name] = (source.wheel.data, 0o644)
    return {f"{lab.name}-gradescope.zip": packed(files)}


def _next_steps(lab: Lab, files: list[Path]) -> str:
    return (
        f"{files[0]}: upload it under Configure Autograder in a programming assignment, with base image Ubuntu 22.04 "
        "or later.\n"
        f"Then use `Test Autograder` twice: with the solution (labcheck solution {lab.name}) and with the starter."
    )


ci.register("gradescope", _autograder, _next_steps)
