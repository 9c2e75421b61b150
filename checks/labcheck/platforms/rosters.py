"""The registry of columns in rosters: under which headings a system tells what of its students."""

from __future__ import annotations

from labcheck import platforms

# The headings of tables that are made by hand; without blanks and dashes, in lower case, as all others.
COLUMNS: dict[str, set[str]] = {
    "name": {"name", "fullname", "studentname"},
    "first": {"firstname", "givenname"},
    "last": {"lastname", "surname", "familyname"},
    "email": {"email", "emailaddress", "mail"},
    "id": {"id", "studentid", "userid", "identifier"},
    "sis_user_id": set(),
    "sis_login_id": {"login", "loginid", "username"},
    "github": {"github", "githublogin"},
    "section": {"section", "sections", "group", "groups"},
}
NO_PERSON: list[str] = []


def columns(**headings: str) -> None:
    """Register headings: `columns(id="idnumber")`."""
    for field, heading in headings.items():
        COLUMNS[field].add(heading)


def no_person(*starts: str) -> None:
    """Register how the name begins, in lower case, in rows that are nobody's."""
    NO_PERSON.extend(starts)


def fields() -> dict[str, str]:
    """Return what a heading tells, by the heading: a field of Person, or `first` or `last` name."""
    platforms.load_all()
    return {heading: field for field, headings in COLUMNS.items() for heading in headings}


def is_nobody(name: str) -> bool:
    """Return whether a name stands in a row that is nobody's."""
    platforms.load_all()
    return name.lower().startswith(tuple(NO_PERSON))
