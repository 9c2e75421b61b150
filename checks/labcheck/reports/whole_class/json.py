"""The content of grades.csv, the outcome of each requirement, and the statistics of the class, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from labcheck.record.statistics import Statistics
from labcheck.reports.formats import whole_class

if TYPE_CHECKING:
    from labcheck.record.gradebook import Entry, Gradebook


@whole_class("the content of grades.csv, the outcome of each requirement, and statistics, as JSON")
def render(gradebook: Gradebook) -> str:
    """Return the class: `students` holds one object per row; the score is null if there is no grade.

    For `statistics`, see Statistics.
    """
    table = {
        "schema": 1,
        "lab": gradebook.lab,
        "title": gradebook.title,
        "max_score": gradebook.max_score,
        "points_possible": gradebook.points_possible,
        "rule": gradebook.rule,
        "points_rule": gradebook.points_rule,
        "late_rule": gradebook.late_rule,
        "requirements": [asdict(each) for each in gradebook.requirements],
        "statistics": Statistics.of(gradebook).to_table(),
        "students": [_student(entry, gradebook) for entry in gradebook.entries],
    }
    # In ASCII, so that a lone surrogate in a name does not cause an error.
    return json.dumps(table, indent=1) + "\n"


def _student(entry: Entry, gradebook: Gradebook) -> dict[str, Any]:
    record = entry.record
    person = {} if entry.person is None else {name: text for name, text in asdict(entry.person).items() if text}
    return {
        "name": entry.name,
        **person,
        "submission": entry.submission,
        "score": entry.score,
        "max_score": None if entry.score is None else gradebook.most(entry),
        "measured": entry.measured,
        "deduction": entry.deduction,
        "override": None if entry.override is None else asdict(entry.override),
        "points": gradebook.points(entry),
        "open": entry.is_open,
        "seed": None if record is None else record.seed,
        "seconds": None if record is None else record.seconds,
        "submitted_as": {} if record is None else record.originals,
        "note": entry.about,
        "requirements": {each.id: [each.outcome, each.earned] for each in record.requirements} if record else {},
    }
