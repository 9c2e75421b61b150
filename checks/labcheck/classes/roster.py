"""The people of a class, from the export of a learning platform or a table made by hand."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from labcheck.classes.matching import clues_of
from labcheck.classes.tables import read_table
from labcheck.errors import UsageError
from labcheck.platforms.rosters import COLUMNS, NO_ASSIGNMENT, NUMBER, form_of, is_nobody, says_late, title_of
from labcheck.record.people import Person, Roster

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from labcheck.platforms.rosters import Form
    from labcheck.record.submission import Clues

READ_ONLY = "(read only)"  # instead of points: Canvas calculates the column itself


def read_roster(file: Path) -> Roster:
    """Return the people in a table: an export of a learning platform, or a table made by hand.

    Raises UsageError if the file cannot be read, or contains a person twice.
    """
    rows = read_table(file, lambda row: len(_known(row)[1]))
    form, columns = _known(rows[0] if rows else [])
    if not set(columns.values()) - {"section", "group", "status"}:
        raise UsageError(
            f"the table in {file} has no known column; expected one such as Student, Name, Email, ID or Username; "
            "give the class list as exported by Canvas or Moodle"
        )
    people = [person for row in rows[1:] if (person := _person(row, columns, form.system)) is not None]
    _expect_different(file, people)
    assignments = dict(_assignments(rows, columns)) if form.is_gradebook else {}
    return Roster(tuple(people), assignments)


def read_names(file: Path) -> dict[str, Clues]:
    """Return the clues to the student of each file, from a table with the columns `File` and, for example, `Email`.

    Instead of a file, it may name the label of a submission.

    Raises UsageError if the table has no such columns.
    """
    rows = read_table(file, lambda row: len(_known(row)[1]) + len(_files(row)))
    files, (form, columns) = _files(rows[0] if rows else []), _known(rows[0] if rows else [])
    if not files or not columns:
        raise UsageError(f"{file} must have a column File, and one that says whose it is, such as Name, Email or ID")
    names: dict[str, Clues] = {}
    for row in rows[1:]:
        person = _person(row, columns, form.system)
        if person is not None and files[0] < len(row) and row[files[0]].strip():
            names[row[files[0]].strip()] = tuple(clues_of(person))
    return names


def _files(row: list[str]) -> list[int]:
    return [place for place, name in enumerate(row) if _heading(name) in ("file", "filename", "submission", "alias")]


def _person(row: list[str], columns: dict[int, str], system: str) -> Person | None:
    """Return the person in a row, or None if it is that of no one."""
    cells = dict.fromkeys([*COLUMNS, NUMBER], "")
    for place, name in columns.items():
        if place < len(row):
            cells[name] = cells[name] or " ".join(row[place].split()).removeprefix("#")  # Brightspace writes `#ada`
    first, last, number, status = (cells.pop(name) for name in ("first", "last", NUMBER, "status"))
    cells["name"] = cells["name"] or f"{first} {last}".strip()
    digits = re.search(r"\d+$", number)  # Moodle writes `Participant 4711`
    person = Person(**cells, numbers=((system, digits[0]),) if digits else (), is_late=says_late(system, status))
    return person if str(person) and not is_nobody(person.name) else None


def _assignments(rows: list[list[str]], columns: dict[int, str]) -> Iterator[tuple[str, float | None]]:
    """Yield the headings of the assignments with the points that are possible, if a row gives them."""
    possible = next((row for row in rows[1:4] if row and "points possible" in row[0].casefold()), [])
    for place, heading in enumerate(rows[0]):
        points = (possible[place].strip() if place < len(possible) else "") or title_of(heading.strip())[1]
        is_other = place in columns or _heading(heading) in NO_ASSIGNMENT
        if heading.strip() and not is_other and points != READ_ONLY:
            try:
                yield heading.strip(), float(points.replace(",", "."))
            except ValueError:
                yield heading.strip(), None


def _heading(text: str) -> str:
    return re.sub(r"[\s_-]", "", text).casefold()


def _known(row: list[str]) -> tuple[Form, dict[int, str]]:
    """Return the form of a table with such a header, and its known columns, by position."""
    names = list(map(_heading, row))
    form = form_of(names)
    return form, {place: form.columns[name] for place, name in enumerate(names) if name in form.columns}


def find_column(roster: Roster, given: str) -> str:
    """Return the heading of an assignment in the roster. What a system appends may be left out, such as an id.

    A roster without assignments does not tell what the course's gradebook contains, so there any heading is right.
    Raises UsageError if the roster has other assignments, but not this one.
    """
    known = roster.assignments
    if not known or given in known:
        return given
    titles = {title_of(heading)[0]: heading for heading in known}
    if given in titles:
        return titles[given]
    near = difflib.get_close_matches(given, [*known, *titles], 1) or list(known)
    raise UsageError(
        f"the roster has no column {given!r}; did you mean {titles.get(near[0], near[0])!r}? "
        "Without --column, the grades become a new column"
    )


def _expect_different(file: Path, people: Sequence[Person]) -> None:
    for column in ("id", "sis_user_id", "numbers"):
        seen: dict[str, Person] = {}
        for person in people:
            value = person.numbers[0][1] if column == "numbers" and person.numbers else getattr(person, column)
            if value and value in seen:
                raise UsageError(
                    f"{file} has the ID {value} twice: {seen[value]} and {person}; give each person a unique ID"
                )
            seen[value] = person
    if twice := [person for person in people if people.count(person) > 1]:
        raise UsageError(f"{file} has {twice[0]} twice; add a column that distinguishes the two, such as ID")
