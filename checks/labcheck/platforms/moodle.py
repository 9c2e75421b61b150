"""Moodle: a file with grades and feedback to import into its gradebook, and the names in its downloads.

Grade and feedback must be imported together: feedback imported alone deletes the grades of its item (docs.moodle.org,
Grade import).
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from labcheck.platforms.downloads import Part, by_name
from labcheck.platforms.people import grades_of, lacking, sharing, without
from labcheck.platforms.rosters import columns, form, late
from labcheck.record.record import Outcome
from labcheck.record.text import shorten
from labcheck.reports.cells import to_cells
from labcheck.reports.formats import whole_class
from labcheck.reports.wording import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from labcheck.record.gradebook import Entry, Gradebook
    from labcheck.record.people import Person
    from labcheck.record.record import RequirementResult
    from labcheck.record.submission import Submission

SHOWN = 200  # characters of an expected or received value

# Moodle's own text comes first: the name of a student's file may look like it, too.
NAME = re.compile(r"(?P<label>.+?)_(?P<number>\d+)_assignsubmission_(?P<kind>file|onlinetext)(?:_(?P<file>.*))?")

BLIND = {"Participant", "Participante", "Teilnehmer*in", "Teilnehmerin"}  # without signs, as in a file name


@by_name
def read_name(entry: Path) -> Part | None:
    """Read `Ada Lovelace_4711_assignsubmission_file_webserver.py`, or the name of such a folder.

    The label is that of a group if the work was submitted by one; then the number is the group's. In blind marking, all
    have the same label, and the number alone says who it is (mod/assign/classes/downloader.php).
    """
    found = NAME.fullmatch(entry.name)
    if found is None:
        return None
    label, number = found["label"], found["number"]
    names = () if label in BLIND else (("name", label), ("group", label))
    return Part(
        entry,
        label,
        ((("moodle number", number), *names),),
        number,
        "" if entry.is_dir() else found["file"] or entry.name,
        problem="" if found["kind"] == "file" else "a text was entered in Moodle, and no file",
    )


def feedback_folder(submission: Submission) -> str:
    """Return the folder for a submission in the .zip of "Upload multiple feedback files in a zip"; "" if not Moodle's.

    Moodle goes by the number, and finds it between the first and the second `_`
    (mod/assign/feedback/file/importziplib.php). If a group has submitted it, each member gets the file.
    """
    clues = dict(clue for member in submission.members for clue in member)
    number = clues.get("moodle number", "")
    name = clues.get("name", submission.label).replace("_", " ")
    return f"{name}_{number}_assignsubmission_file_" if number else ""


def warnings(gradebook: Gradebook) -> Iterator[str]:
    """Yield whom Moodle cannot find by the fullest column; the instructor chooses a column when importing."""
    keys: dict[str, Callable[[Person], str]] = {
        "e-mail address": lambda person: person.email,
        "ID number": lambda person: person.id,
        "user name": lambda person: person.sis_login_id,
    }
    what = min(keys, key=lambda what: len(without(gradebook, keys[what])))
    yield from lacking(without(gradebook, keys[what]), what, "Moodle cannot find them by it")
    yield from sharing(gradebook, what, keys[what])


@whole_class("a file to import into a Moodle gradebook: grade and feedback", warnings)
def render(gradebook: Gradebook) -> str:
    """Return the table: a row for each person with a grade.

    People without a grade are left out (see `grades_of`). Raises UsageError if the class was graded without a roster.
    """
    rows: list[list[str | float]] = [
        ["Full name", "Email address", "ID number", "Username", gradebook.column, f"{gradebook.column} feedback"]
    ]
    for person, entry, points in grades_of(gradebook, "Moodle"):
        who = person.name, person.email, person.id, person.sis_login_id
        rows.append([*who, points, feedback(entry)])
    return to_cells(rows)


def feedback(entry: Entry) -> str:
    """Return the feedback that a student reads beside the grade: a line for each requirement that did not pass.

    Moodle shows feedback as HTML, so it is escaped.
    """
    lines = [] if entry.override is None else [f"decided: {entry.override}"]
    if (record := entry.record) is not None:
        lines.append(f"{record.score} of {record.max_score} points, seed {record.seed}")
        lines += map(_line, record.of(Outcome.FAILED, Outcome.NOT_RUN))
    return html.escape("\n".join(lines), quote=False)


def _line(requirement: RequirementResult) -> str:
    parts = [
        f"{name}: {shorten(text, SHOWN)}"
        for name, text in (
            ("expected", requirement.expected),
            ("received", requirement.received),
            ("note", requirement.reason),
        )
        if text
    ]
    return " | ".join(
        [
            f"{requirement.id} {NAMES[requirement.outcome]}. {requirement.title}",
            *(" ".join(part.split()) for part in parts),
        ]
    )


# The participants list and the export of the gradebook, in English, German, French and Spanish. The first column of a
# worksheet for offline grading is the number in the names of the folders; it may hide the names.
columns(id="idnumber")
for names in (
    {"first": "vorname", "last": "nachname", "name": "vollständigername", "email": "emailadresse", "id": "idnummer"},
    {"sis_login_id": "anmeldename", "group": "gruppe"},
    {"group": "gruppen"},
    {"first": "prénom", "last": "nomdefamille", "name": "nomcomplet", "email": "adressedecourriel"},
    {"id": "numérod'identification", "sis_login_id": "nomd'utilisateur", "group": "groupe"},
    {"id": "numérod’identification", "sis_login_id": "nomd’utilisateur", "group": "groupes"},
    {"last": "apellido(s)", "name": "nombrecompleto", "email": "direccióndecorreo", "id": "númerodeid"},
    {"last": "apellidos", "email": "correoelectrónico", "sis_login_id": "nombredeusuario", "group": "grupo"},
    {"group": "grupos"},
):
    columns(**names)
for first, last in (("prénom", "nom"), ("nombre", "apellido(s)"), ("nombre", "apellidos")):
    form("moodle list", (first, last), first=first, last=last)
for number, grade, modified in (
    ("identifier", "grade", "lastmodified(grade)"),
    ("id", "bewertung", "zuletztgeändert(bewertung)"),
    ("identifiant", "note", "dernièremodification(note)"),
    ("identificador", "calificación", "últimamodificación(calificación)"),
):
    form("moodle", (number, grade, modified), number=number)
form("moodle", ("identifier", "fullname"), number="identifier")
# The column Status of a worksheet says `Submitted for grading - Graded - 2 hours late` (mod/assign/gradingtable.php,
# with the text `submittedlateshort`).
for heading in ("status", "statut", "estado", "estatus"):
    columns(status=heading)
late("moodle", r"(^| - )(en retard de [^-]+|[^-]+ (late|später|verspätet|después))( - |\s*$)")
