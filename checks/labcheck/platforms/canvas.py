"""A file to import into a Canvas gradebook.

Canvas finds a student by ID, then SIS User ID, SIS Login ID, and name; and the assignment by the id in the column's
heading, `Title (id)`, then by an equal title (canvas-lms, lib/gradebook_importer.rb).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.platforms.people import people_of
from labcheck.reports.cells import to_cells
from labcheck.reports.formats import whole_class

if TYPE_CHECKING:
    from labcheck.record.gradebook import Gradebook

WHO = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


@whole_class("a file to import into a Canvas gradebook")
def render(gradebook: Gradebook) -> str:
    """Return the table: everybody of the roster, who has no grade with an empty cell.

    Raises UsageError where nobody knows who has handed in what.
    """
    rows: list[list[str | float]] = [
        [*WHO, gradebook.column],
        ["    Points Possible", *[""] * (len(WHO) - 1), gradebook.max_score],
    ]
    for person, entry in people_of(gradebook, "Canvas"):
        score = "" if entry.record is None else entry.record.score
        rows.append([person.name, person.id, person.sis_user_id, person.sis_login_id, person.section, score])
    return to_cells(rows)
