"""Blackboard: a file to import into its Grade Center, and the names in its downloads.

Every file is named after its attempt, and every attempt has a receipt: a text with the student's full name, what they
have entered in the form, and the names that their files had.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labcheck.platforms.downloads import Part, download, moment
from labcheck.platforms.people import first_and_last, grades_of, lacking, sharing, without
from labcheck.platforms.rosters import form, no_assignment, title
from labcheck.reports.cells import to_cells
from labcheck.reports.formats import whole_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from labcheck.record.gradebook import Gradebook
    from labcheck.record.people import Person

# Blackboard's own text comes first: the name of a student's file may look like it, too.
NAME = re.compile(
    r"(?P<attempt>.+?_(?P<login>[^_]+)_attempt_(?P<time>\d{4}(?:-\d\d){5}))(?:\.(?P<receipt>txt)|_(?P<file>.+))"
)
RECEIPT = 1 << 20  # bytes of a receipt that are read
NO_TEXT = "There is no student submission text data for this assignment."
TEXT = "a text was entered in Blackboard, and no file"
NOTHING = "an attempt in Blackboard without a file"


@dataclass
class Receipt:
    """What the text of an attempt says: the student's full name, the text in the form, and the files' own names."""

    name: str = ""
    login: str = ""
    text: str = ""
    files: dict[str, str] = field(default_factory=dict)


@download()
def read_attempts(entries: Sequence[Path]) -> Iterator[Part]:
    """Read `Lab 1_ada_attempt_2025-01-02-10-11-00_webserver.py`, and the receipt `..._2025-01-02-10-11-00.txt`.

    The name may be that of a group. Of two attempts, the later one is newer.
    """
    found = [(entry, name) for entry in entries if (name := NAME.fullmatch(entry.name)) and entry.is_file()]
    receipts = {name["attempt"]: _receipt(entry) for entry, name in found if name["receipt"]}
    logins = {name["attempt"]: _login(name, receipts.get(name["attempt"])) for _, name in found}
    names = {logins[attempt]: receipt.name for attempt, receipt in receipts.items() if receipt.name}
    with_files = {name["attempt"] for _, name in found if name["file"]}
    for entry, name in found:
        attempt = name["attempt"]
        if name["receipt"] and attempt in with_files:
            continue
        receipt, login = receipts.get(attempt, Receipt()), logins[attempt]
        full = names.get(login, "")
        day, clock = name["time"][:10], name["time"][11:].replace("-", ":")
        version, submitted = moment(f"{day} {clock}")
        clues = ("login", login), ("id", login), ("name", full), ("group", login), ("group", full)
        yield Part(
            entry,
            full or login,
            (tuple((kind, text) for kind, text in clues if text),),
            login,
            receipt.files.get(entry.name) or name["file"] or entry.name,
            version=version,
            submitted=submitted,
            problem=(TEXT if receipt.text else NOTHING) if name["receipt"] else "",
        )


def _login(name: re.Match[str], receipt: Receipt | None) -> str:
    """Return the login in a file name. It may contain `_`, as the assignment's name may, so the receipt decides."""
    said = receipt.login if receipt else ""
    return said if said and name["attempt"].partition("_attempt_")[0].endswith(f"_{said}") else name["login"]


def _receipt(file: Path) -> Receipt:
    """Read the text of an attempt: `Name: Ada Lovelace (ada)`, then parts that begin with a line such as `Files:`."""
    receipt = Receipt()
    try:
        with file.open("rb") as stream:
            lines = stream.read(RECEIPT).decode("utf-8-sig", "replace").splitlines()
    except OSError:
        return receipt  # the names of the files say enough
    if lines and (name := re.fullmatch(r"Name:\s*(.*?)\s*\(([^()]+)\)\s*", lines[0])):
        receipt.name, receipt.login = _plain(name[1]), name[2]
    # What the student has entered comes before the files, and may look like them: the last such line counts.
    place = max((number for number, line in enumerate(lines) if line.strip() == "Files:"), default=len(lines))
    original = ""
    for line in lines[place:]:
        what, _, value = line.strip().partition(":")
        if what == "Original filename":
            original = re.split(r"[\\/]", value.strip())[-1]
        elif what == "Filename" and original:
            receipt.files[value.strip()] = original
    for start, line in enumerate(lines):
        if line.strip() == "Submission Field:":
            receipt.text = "\n".join(lines[start + 1 : start + 2]).strip().replace(NO_TEXT, "")
            break
    return receipt


def _plain(name: str) -> str:
    return " ".join(name.replace("/", " ").split())


def warnings(gradebook: Gradebook) -> Iterator[str]:
    """Yield whom Blackboard cannot find."""
    yield from lacking(without(gradebook, _username), "user name", "Blackboard cannot find them")
    yield from sharing(gradebook, "user name", _username)


@whole_class("a file to import into Blackboard's Grade Center", warnings)
def render(gradebook: Gradebook) -> str:
    """Return the table: a row for each person with a grade. Blackboard finds the column by the id in its heading.

    Raises UsageError if the class was graded without a roster.
    """
    rows: list[list[str | float]] = [["Last Name", "First Name", "Username", gradebook.column]]
    for person, _, points in grades_of(gradebook, "Blackboard"):
        first, last = first_and_last(person)
        rows.append([last, first, _username(person), points])
    return to_cells(rows)


def _username(person: Person) -> str:
    return person.sis_login_id


form("blackboard", ("lastname", "firstname", "username", "availability"), is_gradebook=True)
no_assignment("lastaccess", "availability", "childcourseid")
title(r"(?P<title>.+?) \[Total Pts: (?P<points>[\d.,]+)[^\]]*\] ?\|\d+")
