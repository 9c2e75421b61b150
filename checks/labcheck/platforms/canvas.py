"""Canvas: a file to import into its gradebook, and the names in its downloads.

Canvas finds a student by ID, then by SIS User ID, SIS Login ID and name. It finds the assignment by the id in the
column's heading, `Title (id)`, then by an equal title (canvas-lms, lib/gradebook_importer.rb).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labcheck.platforms.downloads import Named, by_name
from labcheck.platforms.people import people_of
from labcheck.platforms.rosters import columns, no_person
from labcheck.reports.cells import to_cells
from labcheck.reports.formats import whole_class

if TYPE_CHECKING:
    from labcheck.record.gradebook import Gradebook

WHO = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")

NAME = re.compile(r"(?P<label>[^_]+)(?:_LATE)?_(?P<number>\d+)_\d+_(?P<file>.+)")


@by_name
def read_name(name: str) -> Named | None:
    """Read `lovelaceada_LATE_4711_90210_webserver-1.py`: the student, their id, the submission's id, the file."""
    found = NAME.fullmatch(name)
    if found is None:
        return None
    label, number = found["label"], found["number"]
    return Named(label, number, (("compact name", label), ("id", number)), found["file"], of_files=True)


@whole_class("a file to import into a Canvas gradebook")
def render(gradebook: Gradebook) -> str:
    """Return the table: a row for each person with a grade.

    People without a grade are left out: Canvas takes an empty cell for a change, and would remove a grade that was
    typed by hand. Raises UsageError if the class was graded without a roster.
    """
    rows: list[list[str | float]] = [
        [*WHO, gradebook.column],
        ["    Points Possible", *[""] * (len(WHO) - 1), gradebook.max_score],
    ]
    for person, entry in people_of(gradebook, "Canvas"):
        if entry.score is not None:
            who = person.name, person.id, person.sis_user_id, person.sis_login_id, person.section
            rows.append([*who, entry.score])
    return to_cells(rows)


columns(name="student", sis_user_id="sisuserid", sis_login_id="sisloginid")
no_person("points possible", "student, test")
