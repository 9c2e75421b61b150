"""nbgrader: a table of grades like its own, the folder `submitted` of a course, and that of the exchange."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labcheck.platforms.downloads import Part, download, files_in, folders_in, moment
from labcheck.platforms.people import first_and_last, grades_of, lacking, sharing, without
from labcheck.reports.cells import to_cells
from labcheck.reports.formats import whole_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from labcheck.record.gradebook import Gradebook
    from labcheck.record.people import Person

SUBMITTED, TIME = "submitted", "timestamp.txt"
OTHERS = ("source", "release", "autograded", "feedback", "exchange", "downloaded")  # folders of a course
INBOUND = re.compile(r"(?P<login>[^+]+)\+(?P<assignment>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^+]*)(?:\+.*)?")
HEADER = (
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
    *("raw_score", "late_submission_penalty", "score", "max_score"),
)


@download(*OTHERS)
def read_submitted(entries: Sequence[Path]) -> Iterator[Part]:
    """Read `ada/lab1/timestamp.txt`: a student and an assignment. The folder of a course has `submitted` around it.

    Outside of `submitted`, the folder of a student has no files, unlike one that a student has packed.
    """
    tops = [entry for entry in entries if entry.is_dir() and entry.name == SUBMITTED]
    logins = [login for top in tops for login in folders_in(top)] or [entry for entry in entries if entry.is_dir()]
    for login in logins:
        is_own = login.parent.name != SUBMITTED and files_in(login)
        for folder in () if is_own else folders_in(login):
            time = next((_start(file) for file in files_in(folder) if file.name == TIME), "")
            if moment(time)[0] and not INBOUND.fullmatch(folder.name):
                yield _part(folder, login.name, folder.name, time)


@download()
def read_inbound(entries: Sequence[Path]) -> Iterator[Part]:
    """Read `ada+lab1+2025-01-02 10:11:12.345678 UTC+zyxw`: each time that somebody submits makes a new folder."""
    for entry in entries:
        if (found := INBOUND.fullmatch(entry.name)) and entry.is_dir():
            yield _part(entry, found["login"], found["assignment"], found["time"])


def _start(file: Path) -> str:
    """Return the beginning of a file, in which a time is; "" if the file cannot be read."""
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(100)
    except OSError:
        return ""


def _part(folder: Path, login: str, assignment: str, time: str) -> Part:
    version, submitted = moment(time)
    clues = ("login", login), ("id", login)
    return Part(folder, login, (clues,), assignment, version=version, submitted=submitted, assignment=assignment)


def warnings(gradebook: Gradebook) -> Iterator[str]:
    """Yield whom nothing but the name identifies."""
    yield from lacking(without(gradebook, _student), "login or ID", "their rows have no student_id")
    yield from sharing(gradebook, "student_id", _student)


@whole_class("a table of grades with the columns of nbgrader's export", warnings)
def render(gradebook: Gradebook) -> str:
    """Return the table: a row for each person with a grade.

    Raises UsageError if the class was graded without a roster.
    """
    rows: list[list[str | float]] = [[*HEADER]]
    for person, _, points in grades_of(gradebook, "nbgrader"):
        first, last = first_and_last(person)
        who = _student(person), last, first, person.email
        rows.append([gradebook.heading or gradebook.lab, "", "", *who, points, 0, points, gradebook.points_possible])
    return to_cells(rows)


def _student(person: Person) -> str:
    return person.sis_login_id or person.id
