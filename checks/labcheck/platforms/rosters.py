"""The registry of roster columns: the headings that each system uses.

All headings are in lower case, without spaces and dashes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labcheck import platforms

if TYPE_CHECKING:
    from collections.abc import Iterable

NUMBER = "number"  # the field with the number that a system uses itself
# The headings in tables made by hand.
COLUMNS: dict[str, set[str]] = {
    "name": {"name", "fullname", "studentname"},
    "first": {"firstname", "givenname"},
    "last": {"lastname", "surname", "familyname"},
    "email": {"email", "emailaddress", "mail"},
    "id": {"id", "studentid", "userid", "identifier"},
    "sis_user_id": set(),
    "sis_login_id": {"login", "loginid", "username"},
    "github": {"github", "githublogin"},
    "section": {"section", "sections"},
    "group": {"group", "groups", "groupname", "team"},
    "status": set(),
}
LATE: dict[str, re.Pattern[str]] = {}  # what a system writes into the column `status` of a late submission
NO_PERSON: list[str] = []
NO_ASSIGNMENT: set[str] = set()
LASTING: set[str] = set()  # systems in which a person has the same number in all courses
TITLES: list[re.Pattern[str]] = []  # what systems add to the title of an assignment


@dataclass(frozen=True)
class Form:
    """A table as one system exports it: the headings by which it is recognized, and what some headings mean there.

    `is_gradebook`: the other columns are assignments.
    """

    system: str
    needs: frozenset[str]
    columns: dict[str, str]
    is_gradebook: bool


FORMS: list[Form] = []


def columns(**headings: str) -> None:
    """Register a heading for a field of Person: `columns(id="idnumber")`."""
    for field, heading in headings.items():
        COLUMNS[field].add(heading)


def form(system: str, needs: Iterable[str], *, is_gradebook: bool = False, **headings: str) -> None:
    """Register a table that is recognized by its headings: `form("canvas", ("student", "id"), number="id")`."""
    fields = {heading: field for field, heading in headings.items()}
    FORMS.append(Form(system, frozenset(needs), fields, is_gradebook))


def lasting(system: str) -> None:
    """Register a system in which a person has the same number in all courses and for all assignments."""
    LASTING.add(system)


def late(system: str, pattern: str) -> None:
    """Register by what a system calls a submission late, somewhere in the column `status` of its table."""
    LATE[system] = re.compile(pattern, re.IGNORECASE)


def says_late(system: str, status: str) -> bool:
    """Return whether a status is that of a late submission in this system."""
    return system in LATE and LATE[system].search(status) is not None


def no_person(*starts: str) -> None:
    """Register what the name starts with, in lower case, in rows that are not people."""
    NO_PERSON.extend(starts)


def no_assignment(*headings: str) -> None:
    """Register headings in a gradebook that are neither of a person nor of an assignment."""
    NO_ASSIGNMENT.update(headings)


def title(pattern: str) -> None:
    """Register how a system writes the heading of an assignment: with the groups `title` and, if known, `points`."""
    TITLES.append(re.compile(pattern))


def title_of(heading: str) -> tuple[str, str]:
    """Return the title in the heading of an assignment, and the points that are possible; "" if it does not say."""
    platforms.load_all()
    found = next(filter(None, (each.fullmatch(heading) for each in TITLES)), None)
    return (found["title"], found.groupdict().get("points") or "") if found else (heading, "")


def form_of(headings: Iterable[str]) -> Form:
    """Return the form of a table with these headings, with the field for each known heading. By hand, it has no system.

    A field is one of Person, or `first` or `last` for parts of a name, `number` for the system's own number, or
    `status` for what it says about a submission.
    """
    platforms.load_all()
    known = {heading: field for field, names in COLUMNS.items() for heading in names}
    given = set(headings)
    found = next((each for each in FORMS if each.needs <= given), None)
    found = found or Form("", frozenset(), {}, is_gradebook=False)
    return replace(found, columns=known | found.columns)


def is_lasting(system: str) -> bool:
    """Return whether the numbers of a system identify a person in other classes, too."""
    platforms.load_all()
    return system in LASTING


def is_nobody(name: str) -> bool:
    """Return whether a name marks a row that is not a person."""
    platforms.load_all()
    return name.lower().startswith(tuple(NO_PERSON))
