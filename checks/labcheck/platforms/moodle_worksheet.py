"""Moodle: the worksheet for offline grading of one assignment, with grades and feedback filled in.

Moodle finds a student by `Identifier`, which only a worksheet has. It needs the three columns Identifier, Grade and
Last modified (grade), with the headings in the language of the person who uploads it; this is the worksheet in English.
An empty cell in the last of them does not replace a grade that was given in Moodle since then, unless that is asked for
(mod/assign/feedback/offline/importgradeslib.php).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.platforms.moodle import feedback
from labcheck.platforms.people import grades_of, lacking, without
from labcheck.reports.cells import to_cells
from labcheck.reports.formats import whole_class

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labcheck.record.gradebook import Gradebook
    from labcheck.record.people import Person

HEADER = ("Identifier", "Full name", "Email address", "Grade", "Maximum Grade")
REST = ("Last modified (grade)", "Feedback comments")


def warnings(gradebook: Gradebook) -> Iterator[str]:
    """Yield who is not in the worksheet."""
    unknown = without(gradebook, _number)
    yield from lacking(unknown, "number of Moodle", "they are left out (give the worksheet itself as the roster)")


@whole_class("a Moodle worksheet to upload under the assignment: grade and feedback", warnings)
def render(gradebook: Gradebook) -> str:
    """Return the worksheet: a row for each person with a grade and a number.

    Raises UsageError if the class was graded without a roster.
    """
    rows: list[list[str | float]] = [[*HEADER, *REST]]
    for person, entry, points in grades_of(gradebook, "Moodle"):
        if number := _number(person):
            who = f"Participant {number}", person.name, person.email
            rows.append([*who, points, gradebook.points_possible, "", feedback(entry)])
    return to_cells(rows)


def _number(person: Person) -> str:
    return person.number("moodle")
