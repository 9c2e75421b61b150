"""Microsoft Teams: a table with grades and feedback, and the folders of its class library.

The library `Student Work` has a folder `Submitted files`, with a folder for each student, and in it one for each
assignment. What is in `Working files` was not handed in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labcheck.platforms.downloads import Part, download, files_in, folders_in
from labcheck.platforms.moodle import feedback
from labcheck.platforms.people import first_and_last, grades_of, lacking, sharing, without
from labcheck.reports.cells import to_cells
from labcheck.reports.formats import whole_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from labcheck.record.gradebook import Gradebook
    from labcheck.record.people import Person

SUBMITTED, WORKING = "Submitted files", "Working files"
VERSION = re.compile(r"Version (\d+)")


@download(WORKING)
def read_library(entries: Sequence[Path]) -> Iterator[Part]:
    """Read `Submitted files/Ada Lovelace/Lab 1/Version 2`, or what is in `Submitted files`, or a folder with both.

    Without a folder for each version, the assignment's folder is the submission. Outside `Submitted files`, only
    folders with versions are recognized.
    """
    tops = [entry for entry in entries if entry.is_dir() and entry.name == SUBMITTED]
    students = [student for top in tops for student in folders_in(top)] or [each for each in entries if each.is_dir()]
    for student in students:
        is_known = student.parent.name == SUBMITTED
        for assignment in folders_in(student) if is_known or not files_in(student) else ():
            versions = [
                (folder, found) for folder in folders_in(assignment) if (found := VERSION.fullmatch(folder.name))
            ]
            for folder, found in versions:
                yield _part(student, assignment, folder, (int(found[1]),))
            if not versions and is_known:
                yield _part(student, assignment, assignment, ())


def _part(student: Path, assignment: Path, folder: Path, version: tuple[int, ...]) -> Part:
    clues = (("name", student.name),)
    number = assignment.name
    return Part(folder, student.name, (clues,), number, version=version, assignment=assignment.name)


def warnings(gradebook: Gradebook) -> Iterator[str]:
    """Yield who is not identified by an e-mail address."""
    yield from lacking(without(gradebook, _email), "e-mail address", "their rows have nothing but the name")
    yield from sharing(gradebook, "e-mail address", _email)


@whole_class("a table of grades with the columns of Microsoft Teams", warnings)
def render(gradebook: Gradebook) -> str:
    """Return the table: a row for each person with a grade.

    Raises UsageError if the class was graded without a roster.
    """
    header = ["First Name", "Last Name", "Email Address", gradebook.column, "Points", "Feedback"]
    rows: list[list[str | float]] = [[*header]]
    for person, entry, points in grades_of(gradebook, "Teams"):
        rows.append([*first_and_last(person), person.email, points, gradebook.points_possible, feedback(entry)])
    return to_cells(rows)


def _email(person: Person) -> str:
    return person.email
