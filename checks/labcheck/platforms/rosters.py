"""The registry of roster columns: the headings that each system uses."""

from __future__ import annotations

from labcheck import platforms

# The headings in tables made by hand. All headings are in lower case, without spaces and dashes.
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
    """Register what the name starts with, in lower case, in rows that are not people."""
    NO_PERSON.extend(starts)


def fields() -> dict[str, str]:
    """Return the field for each heading: a field of Person, or `first` or `last` for parts of a name."""
    platforms.load_all()
    return {heading: field for field, headings in COLUMNS.items() for heading in headings}


def is_nobody(name: str) -> bool:
    """Return whether a name marks a row that is not a person."""
    platforms.load_all()
    return name.lower().startswith(tuple(NO_PERSON))
