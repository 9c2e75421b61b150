"""Canvas: a file to import into its gradebook, and the names in its downloads.

Canvas finds a student by ID, then by SIS User ID, SIS Login ID and name. It finds the assignment by the id in the
column's heading, `Title (id)`, then by an equal title (canvas-lms, lib/gradebook_importer.rb).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labcheck.platforms.downloads import Part, by_name
from labcheck.platforms.people import grades_of, lacking, sharing, without
from labcheck.platforms.rosters import columns, form, lasting, no_person, title
from labcheck.reports.cells import to_cells
from labcheck.reports.formats import whole_class

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labcheck.record.gradebook import Gradebook
    from labcheck.record.people import Person

WHO = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")

NAME = re.compile(
    r"(?:(?P<anon>(?P<anon_late>LATE_)?anon_)(?P<letters>[0-9A-Za-z]+)|(?P<label>.+?)(?P<late>_LATE)?_(?P<number>\d+))"
    r"_(?:(?P<attachment>\d+)_(?P<file>.+)|(?P<form>text|link)\.html)"
)
FORMS = {"text": "a text was entered in Canvas, and no file", "link": "a link was submitted, and no file"}


@by_name
def read_name(entry: Path) -> Part | None:
    """Read `lovelaceada_LATE_4711_90210_webserver-1.py`: the student, their number, the attachment's, the file.

    A later attachment has a greater number. The label is that of a group if the work was submitted by one; the number
    is that of one of its members. An assignment that is graded without names has `anon_` and an ID of letters and
    digits, behind `LATE_` if it is late (canvas-lms, lib/content_zipper.rb).
    """
    found = NAME.fullmatch(entry.name)
    if found is None or not entry.is_file():
        return None
    label, number = found["label"] or "anon", found["number"] or found["letters"]
    who = (("canvas number", number), ("compact name", label), ("compact group", label))
    return Part(
        entry,
        label,
        (who,),
        number,
        found["file"] or f"{found['form']}.html",
        version=(int(found["attachment"] or 0),),
        is_late=bool(found["late"] or found["anon_late"]),
        problem=FORMS.get(found["form"] or "", ""),
    )


def warnings(gradebook: Gradebook) -> Iterator[str]:
    """Yield whom Canvas might not find."""

    def key(person: Person) -> str:
        return person.number("canvas") or person.sis_user_id or person.sis_login_id

    unknown = without(gradebook, key)
    yield from lacking(
        unknown,
        "ID of Canvas, SIS User ID or SIS Login ID",
        "Canvas looks for the name (give its own export as the roster)",
    )
    yield from sharing(gradebook, "name", lambda person: person.name if person in unknown else "")


@whole_class("a file to import into a Canvas gradebook", warnings)
def render(gradebook: Gradebook) -> str:
    """Return the table: a row for each person with a grade.

    People without a grade are left out: Canvas takes an empty cell for a change, and would remove a grade that was
    typed by hand. Raises UsageError if the class was graded without a roster.
    """
    rows: list[list[str | float]] = [
        [*WHO, gradebook.column],
        ["    Points Possible", *[""] * (len(WHO) - 1), gradebook.points_possible],
    ]
    for person, _, points in grades_of(gradebook, "Canvas", excused="EX"):
        who = person.name, person.number("canvas"), person.sis_user_id, person.sis_login_id, person.section
        rows.append([*who, points])
    return to_cells(rows)


form("canvas", ("student", "id", "section"), is_gradebook=True, number="id")
lasting("canvas")
columns(name="student", sis_user_id="sisuserid", sis_login_id="sisloginid")
title(r"(?P<title>.+) \(\d+\)")
no_person("points possible", "student, test")
