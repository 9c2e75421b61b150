"""Gradescope: its results.json, with a test for each requirement, its autograder, and its export of submissions.

Gradescope takes no grades for a programming assignment from a file.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.platforms import ci, metadata
from labcheck.platforms.downloads import Part, download, moment
from labcheck.platforms.rosters import columns
from labcheck.record.record import Outcome
from labcheck.record.text import printable
from labcheck.reports.formats import one
from labcheck.reports.wording import explanation, provisional, summary
from labcheck.workbook.wheel import packed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from labcheck.platforms.sources import Source
    from labcheck.record.record import Record, RequirementResult
    from labcheck.record.submission import Clues
    from labcheck.workbook.labs import Lab


METADATA = "submission_metadata.yml"


@download()
def read_export(entries: Sequence[Path]) -> Iterator[Part]:
    """Read the folders that `submission_metadata.yml` lists with the people who have submitted them.

    Raises UsageError if that file is not as Gradescope writes it.
    """
    file = next((entry for entry in entries if entry.name == METADATA), None)
    if file is None:
        return
    try:
        submissions = metadata.read(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}; export the submissions again") from error
    for entry in entries:
        if (submission := submissions.get(entry.name)) and submission.people:
            version, submitted = moment(submission.created_at)
            names = [person.get("name") or person.get("email") or person.get("sid", "") for person in submission.people]
            number = re.search(r"\d+", entry.name)
            yield Part(
                entry,
                ", ".join(" ".join(name.replace("/", " ").split()) for name in names),
                tuple(_clues(person) for person in submission.people),
                number[0] if number else entry.name,
                "" if entry.is_dir() else entry.name,
                version=version,
                submitted=submitted,
            )


def _clues(person: dict[str, str]) -> Clues:
    kinds = ("name", "name"), ("sid", "id"), ("email", "email")
    return tuple((kind, person[key]) for key, kind in kinds if person.get(key))


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


columns(id="sid")
ci.register("gradescope", _autograder, _next_steps)
