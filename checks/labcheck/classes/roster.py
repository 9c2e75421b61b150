"""The people of a class, from the export of a learning platform, and the submissions of each person.

Nothing is guessed: a submission belongs to a person only if its name matches that person exactly, and no one else.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.platforms.rosters import COLUMNS, fields, is_nobody
from labcheck.record.people import Person

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from labcheck.submission.handed_in import HandedIn

RANKS = (("id",), ("login", "email", "github"), ("name", "compact name"))  # the first rank with a match decides
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass
class Matching:
    """The submissions of each person (possibly none), and the submissions of no one, with the reason."""

    of_person: dict[Person, list[HandedIn]]
    nobody: list[tuple[HandedIn, str]] = field(default_factory=list)


def read_roster(file: Path) -> list[Person]:
    """Return the people in a CSV file: an export of Canvas, Moodle or GitHub Classroom, or a file made by hand.

    Raises UsageError if the file cannot be read, or contains a person twice.
    """
    text = _text(file)
    delimiter = max(",;\t", key=lambda each: len(_known(_rows(file, text.partition("\n")[0], each))))
    rows = _rows(file, text, delimiter)
    columns = _known(rows)
    if not set(columns.values()) - {"section"}:
        raise UsageError(
            f"the first line of {file} has no known column; expected one such as Student, Name, Email, ID or Username; "
            "give the class list as exported by Canvas or Moodle"
        )
    people = []
    for row in rows[1:]:
        cells = dict.fromkeys(COLUMNS, "")
        for place, name in columns.items():
            if place < len(row):
                cells[name] = cells[name] or " ".join(row[place].split())
        first, last = cells.pop("first"), cells.pop("last")
        cells["name"] = cells["name"] or f"{first} {last}".strip()
        person = Person(**cells)
        if str(person) and not is_nobody(person.name):
            people.append(person)
    _expect_different(file, people)
    return people


def match(people: Sequence[Person], handed_in: Iterable[HandedIn]) -> Matching:
    """Assign each submission to the person it belongs to."""
    known: dict[tuple[str, str], dict[Person, None]] = {}
    for person in people:
        for clue in clues_of(person):
            known.setdefault(clue, {})[person] = None
    matching = Matching({person: [] for person in people})
    for each in handed_in:
        candidates = _candidates(each, known)
        if len(candidates) == 1:
            matching.of_person[candidates[0]].append(each)
        elif candidates:
            matching.nobody.append((each, f"could be {' or '.join(map(str, candidates))}"))
        else:
            matching.nobody.append((each, "matches nobody in the roster"))
    return matching


def clues_of(person: Person) -> Iterator[tuple[str, str]]:
    """Yield what a submission's name may say about a person, normalized: pairs as in HandedIn."""
    known = (
        *(("id", text) for text in (person.id, person.sis_user_id)),
        ("login", person.sis_login_id),
        *(("email", text) for text in (person.email, person.sis_login_id)),
        ("github", person.github),
        ("name", person.name),
        *(("compact name", text) for text in _orders(person.name)),
    )
    return (_normal(*clue) for clue in known if clue[1].strip())


def _candidates(handed_in: HandedIn, known: dict[tuple[str, str], dict[Person, None]]) -> list[Person]:
    """Return the people that match the clues of the first rank with a match."""
    for rank in RANKS:
        clues = [_normal(*clue) for clue in handed_in.clues if clue[0] in rank]
        if found := list(dict.fromkeys(person for clue in clues for person in known.get(clue, ()))):
            return found
    return []


def _normal(kind: str, text: str) -> tuple[str, str]:
    """Return a clue in normal form, so that equal clues compare equal."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = " ".join(text.split())
    if kind == "compact name":
        text = "".join(letter for letter in text if letter.isalnum())
    if kind == "name" and text.count(",") == 1:
        last, first = text.split(",")
        text = f"{first.strip()} {last.strip()}".strip()
    return kind, text


def _orders(name: str) -> list[str]:
    """Return the name with the last name first, for each possible start of the last name; and the name as it is."""
    words = name.replace(",", " ").split()
    return [" ".join((*words[place:], *words[:place])) for place in range(len(words))]


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"file {file} does not exist; give the CSV file with the class list") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}; give the CSV file with the class list") from error
    try:
        return data.decode("utf-16" if data.startswith(UTF_16) else "utf-8-sig").lstrip("\r\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{file} is not UTF-8 (line {line}); save it as `CSV UTF-8`") from error


def _rows(file: Path, text: str, delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise UsageError(f"{file} is not a valid CSV file: {error}; export it again") from error


def _known(rows: list[list[str]]) -> dict[int, str]:
    """Return the known columns of the header, by position."""
    names = [re.sub(r"[\s_-]", "", name).casefold() for row in rows[:1] for name in row]
    known = fields()
    return {place: known[name] for place, name in enumerate(names) if name in known}


def _expect_different(file: Path, people: Sequence[Person]) -> None:
    for column in ("id", "sis_user_id"):
        seen: dict[str, Person] = {}
        for person in people:
            value = getattr(person, column)
            if value and value in seen:
                raise UsageError(
                    f"{file} has the ID {value} twice: {seen[value]} and {person}; give each person a unique ID"
                )
            seen[value] = person
    if twice := [person for person in people if people.count(person) > 1]:
        raise UsageError(f"{file} has {twice[0]} twice; add a column that distinguishes the two, such as ID")
