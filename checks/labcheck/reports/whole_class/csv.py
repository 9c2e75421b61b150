"""A table of the class: the score, the points of each requirement, and a note about the grade.

It has one row per student; those whose grade is open come first, without a score. The first column is the student; the
last one says what could not be graded, and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.record.record import Outcome
from labcheck.reports.cells import to_cells
from labcheck.reports.formats import whole_class

if TYPE_CHECKING:
    from labcheck.record.gradebook import Entry, Gradebook


@whole_class("a table: the score, the points of each requirement, and a note about the grade")
def render(gradebook: Gradebook) -> str:
    """Return the table."""
    who = ["student", "e-mail", "id", "submission"] if gradebook.with_people else ["student"]
    ids = [each.id for each in gradebook.requirements]
    differs = any(entry.override is not None or entry.deduction for entry in gradebook.entries)
    scaled = [f"points of {gradebook.points_possible:g}"] if gradebook.rule else []
    rows: list[list[str | float]] = [[*who, "score", "max", *scaled, *["measured"][:differs], *ids, "note"]]
    for entry in gradebook.entries:
        earned: dict[str, int] = {}
        score: list[str | float] = ["", ""]
        if entry.record is not None:
            checked = (each for each in entry.record.requirements if each.outcome is not Outcome.ERROR)
            earned = {each.id: each.earned for each in checked}
        if entry.score is not None:
            score = [entry.score, gradebook.most(entry)]
        points = gradebook.points(entry)
        score += ["" if points is None else points] if gradebook.rule else []
        score += ["" if entry.measured is None else entry.measured] if differs else []
        rows.append([*_who(entry, gradebook), *score, *(earned.get(id, "") for id in ids), entry.about])
    return to_cells(rows)


def _who(entry: Entry, gradebook: Gradebook) -> list[str]:
    if not gradebook.with_people:
        return [entry.submission]
    if entry.person is None:
        return ["", "", "", entry.submission]
    person = entry.person
    return [person.name, person.email, person.id or person.sis_user_id, entry.submission]
