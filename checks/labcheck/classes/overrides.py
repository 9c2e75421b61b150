"""What an instructor has decided about grades: a file beside the results, which no grading changes.

It is `overrides.csv`, with the columns `Student` (as in the roster, or the name of the submission), `Points` or
`Excuse`, and, if wanted, `Reason`, `Who` and `When`; or `overrides.toml`, with a table `[[override]]` of the same names
for each student.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING

from labcheck.classes.matching import match
from labcheck.classes.tables import read_table
from labcheck.errors import UsageError
from labcheck.platforms.downloads import by_hand
from labcheck.record.gradebook import Override
from labcheck.record.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labcheck.record.gradebook import Gradebook

CSV, TOML = "overrides.csv", "overrides.toml"
KEYS = ("student", "points", "excuse", "reason", "who", "when")
YES, NO = ("yes", "y", "true", "1", "x", "ex"), ("", "no", "n", "false", "0")


def overridden(gradebook: Gradebook, out: Path) -> Gradebook:
    """Return the class with what is decided in the file of its results folder, if there is one.

    Raises UsageError if the file cannot be read, or names somebody who is not in the class.
    """
    decided: dict[int, Override] = {}
    for where, table in _tables(out):
        student = table.get("student", "").strip()
        place = _place(student, gradebook, where)
        if place in decided:
            raise UsageError(f"{where}: there is a second line for {student!r}; keep one of them")
        decided[place] = _override(table, where)
    entries = (
        replace(entry, override=decided[place]) if place in decided else entry
        for place, entry in enumerate(gradebook.entries)
    )
    return replace(gradebook, entries=tuple(entries)) if decided else gradebook


def _tables(out: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what the file says about each student: where it says so, and the cells by name."""
    file, toml = out / CSV, out / TOML
    if file.exists() and toml.exists():
        raise UsageError(f"there are {file} and {toml}; keep one of them")
    if file.exists():
        rows = read_table(file, lambda row: len(set(map(_plain, row)) & set(KEYS)))
        names = list(map(_plain, rows[0])) if rows else []
        _expect_known(str(file), names)
        for row in rows[1:]:
            cells = dict(zip(names, row, strict=False))
            yield f"{file}, {cells.get('student') or 'a line without a student'}", cells
    elif toml.exists():
        try:
            tables = tomllib.loads(toml.read_text("utf-8")).get("override", [])
        except (OSError, ValueError) as error:
            raise UsageError(f"{toml} cannot be read: {error}") from error
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            raise UsageError(f"{toml}: expected a table [[override]] for each student")
        for number, table in enumerate(tables, start=1):
            cells = {str(name): str(value) for name, value in table.items()}
            _expect_known(f"{toml}, [[override]] {number}", list(cells))
            yield f"{toml}, [[override]] {number}", cells


def _plain(text: str) -> str:
    return text.strip().casefold()


def _expect_known(where: str, names: list[str]) -> None:
    unknown = [name for name in names if name and name not in KEYS]
    if unknown or "student" not in names:
        wrong = f"unknown column {unknown[0]!r}" if unknown else "there is no column student"
        raise UsageError(f"{where}: {wrong}; the columns are {', '.join(KEYS)}")


def _override(table: dict[str, str], where: str) -> Override:
    points, excuse = table.get("points", "").strip(), _plain(table.get("excuse", ""))
    if excuse not in YES + NO:
        raise UsageError(f"{where}: excuse is {excuse!r}; expected yes or no")
    said = (table.get(name, "").strip() for name in ("reason", "who", "when"))
    if excuse in YES:
        return Override(None, *said)
    try:
        number = float(points.replace(",", "."))
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise UsageError(f"{where}: points are {points!r}; expected a number, or an excuse")
    return Override(number, *said)


def _place(student: str, gradebook: Gradebook, where: str) -> int:
    """Return the place of the student's entry."""
    entries = gradebook.entries
    named = [place for place, entry in enumerate(entries) if student and student in (entry.submission, entry.name)]
    if len(named) == 1:
        return named[0]
    people = [entry.person for entry in entries if entry.person is not None]
    asked = Submission(student, student, "", (by_hand(student),))
    matching = match(people, [asked])
    for person, found in matching.of_person.items():
        if found and not named:
            return next(place for place, entry in enumerate(entries) if entry.person == person)
    labels = difflib.get_close_matches(student, [entry.submission for entry in entries if entry.submission], 2)
    near = list(dict.fromkeys([*map(str, matching.perhaps), *labels]))
    which = f"could be {len(named)} students" if named else "is nobody in the class"
    suggestion = f"; did you mean {' or '.join(near)}?" if near else ""
    raise UsageError(f"{where}: {student!r} {which}{suggestion}")
