"""Rosters as platforms export them, and the assignment of submissions to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from labcheck.classes.discovery import PLAIN
from labcheck.classes.roster import match, read_roster
from labcheck.errors import UsageError
from labcheck.record.people import Person
from labcheck.submission.handed_in import HandedIn

if TYPE_CHECKING:
    from pathlib import Path

CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Lab 1 (77)
,,,,,Manual Posting
"    Points Possible",,,,,29.00
"Doe, Jane",123,u123,jane@x.org,A,29
"Müller, Érik",124,u124,erik,"A and
B",
"Student, Test",125,,abc,A,
"""
MOODLE = "First name;Last name;ID number;Email address;Username\nJane;Doe;77;j@x.org;jdoe\n\nEva;van Dam;78;;eva\n"
CLASSROOM = 'identifier,github_username,github_id,name\n"jane@x.org","jane-d","9",""\n"max","","",""\n'

ROSTERS = {
    "Canvas": (
        CANVAS,
        [
            Person("Doe, Jane", "", "123", "u123", "jane@x.org", "", "A"),
            Person("Müller, Érik", "", "124", "u124", "erik", "", "A and B"),
        ],
    ),
    "Moodle": (
        MOODLE,
        [Person("Jane Doe", "j@x.org", "77", "", "jdoe"), Person("Eva van Dam", "", "78", "", "eva")],
    ),
    "Moodle with Surname": ("Surname\tFirst name\nDoe\tJane\n", [Person("Jane Doe")]),
    "GitHub Classroom": (CLASSROOM, [Person(id="jane@x.org", github="jane-d"), Person(id="max")]),
    "plain": ("NAME , E-Mail,Student ID\nJane,j@x.org, 7\n", [Person("Jane", "j@x.org", "7")]),
    "one column": ("login\njane\nmax\n", [Person(sis_login_id="jane"), Person(sis_login_id="max")]),
    "commas in another file": ("name;id\nDoe, Jane;7\n", [Person("Doe, Jane", id="7")]),
    "short rows": ("id,name\n7\n8,Jane,x\n", [Person(id="7"), Person("Jane", id="8")]),
    "blank lines before": ("\n\nid\n7\n", [Person(id="7")]),
    "nobody": ("id,name\n", []),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("case", ROSTERS)
def test_people_are_read(case: str, encoding: str, tmp_path: Path) -> None:
    """People are read from every kind of export; rows that are not people are skipped."""
    text, people = ROSTERS[case]
    file = tmp_path / "class.csv"
    file.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert read_roster(file) == people


REFUSED = {
    "no column": (b"a,b\n1,2\n", "the first line of .*class.csv has no known column; expected one such as Student"),
    "only sections": (b"section\nA\n", "no known column"),
    "nothing": (b"", "no known column"),
    "Latin-1": (b"name\nJane\n\xc9rik\n", r"class.csv is not UTF-8 \(line 3\); save it as"),
    "Latin-1 in the second line": (b"name\n\xc9rik\n", r"class.csv is not UTF-8 \(line 2\)"),
    "a broken pair": (b"\xff\xfe\x00\xd8a\x00", "is not UTF-8"),
    "a field without end": (b'name,id\n"' + b"x" * 200_000, "is not a valid CSV file: field larger"),
    "an id twice": (b"name,id\nJane,7\nMax,7\n", "has the ID 7 twice: Jane and Max; give"),
    "a SIS id twice": (b"name,SIS User ID\nJane,7\nMax,7\n", "has the ID 7 twice: Jane and Max"),
    "a name twice": (b"name\nJane\nMax\nJane\n", "has Jane twice; add a column"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_roster_is_a_usage_error(case: str, tmp_path: Path) -> None:
    """An invalid roster is reported in one line that says what is wrong."""
    data, why = REFUSED[case]
    file = tmp_path / "class.csv"
    file.write_bytes(data)
    with pytest.raises(UsageError, match=why) as error:
        read_roster(file)
    assert "\n" not in str(error.value)


def test_missing_roster_is_a_usage_error(tmp_path: Path) -> None:
    """A roster that does not exist, or is a folder, is a usage error."""
    with pytest.raises(UsageError, match=r"file .*class\.csv does not exist; give"):
        read_roster(tmp_path / "class.csv")
    with pytest.raises(UsageError, match="cannot be read"):
        read_roster(tmp_path)


def handed_in(label: str, *clues: tuple[str, str]) -> HandedIn:
    """Return a submission with the given clues, or with those of a name chosen by an instructor."""
    return HandedIn(label, clues or tuple((kind, label) for kind in PLAIN), (), ())


JANE = Person("Doe, Jane", "jane@x.org", "123", "u123", "jd", "jane-d")
JOHN = Person("John van  Doe", "", "124", "u124", "john@x.org", "1-x")
JOHN_2 = Person("John Van Doe", "", "125", "u125", "j2", "x")
ERIK = Person("Müller, Érik-Olaf", "", "126", "", "jane", "")
PEOPLE = [JANE, JOHN, JOHN_2, ERIK]

MATCHES = {
    "Jane Doe": JANE,
    "  jane   DOE ": JANE,
    "Doe, Jane": JANE,
    "doe,jane": JANE,
    "Jane\u00a0Doe": JANE,
    "ｊａｎｅ doe": JANE,
    "E\u0301rik-Olaf Mu\u0308ller": ERIK,
    "123": JANE,
    "U123": JANE,
    "JD": JANE,
    "Jane@X.org": JANE,
    "jane-d": JANE,
    "jane": ERIK,
    "john@x.org": JOHN,
    "u124": JOHN,
    "j2": JOHN_2,
    "John van Doe": "could be John van  Doe or John Van Doe",
    "Doe, Jane, Jr.": "matches nobody in the roster",
    "Doe Jane": "matches nobody in the roster",
    "Jane Do": "matches nobody in the roster",
    "Jane": ERIK,
    "": "matches nobody in the roster",
    "Erik-Olaf Müller": "matches nobody in the roster",
}


def result(given: HandedIn) -> Person | str:
    """Return the person a submission belongs to, or the reason why it belongs to no one."""
    matching = match(PEOPLE, [given])
    assert list(matching.of_person) == PEOPLE
    found: list[Person | str] = [
        *(person for person, theirs in matching.of_person.items() if theirs),
        *(why for _, why in matching.nobody),
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("label", MATCHES)
def test_plain_name_is_matched_exactly(label: str) -> None:
    """A name matches a person if it differs only in case, spaces, order or Unicode normalization."""
    assert result(handed_in(label)) == MATCHES[label]


CLUES = {
    "an id before a name": ([("name", "Jane Doe"), ("id", "125")], JOHN_2),
    "an id before a login": ([("login", "jd"), ("id", "125")], JOHN_2),
    "a login before a name": ([("name", "Jane Doe"), ("login", "j2")], JOHN_2),
    "a name with an unknown id": ([("name", "Jane Doe"), ("id", "999")], JANE),
    "two of one rank": ([("login", "jd"), ("email", "john@x.org")], "could be Doe, Jane or John van  Doe"),
    "two users of GitHub": ([("github", "1-x"), ("github", "x")], "could be John van  Doe or John Van Doe"),
    "a compact name": ([("compact name", "doejane")], JANE),
    "a compact name, first name first": ([("compact name", "janedoe")], JANE),
    "a compact name with letters": ([("compact name", "müllerérikolaf")], ERIK),
    "a compact name of two": ([("compact name", "vandoejohn")], "could be John van  Doe or John Van Doe"),
    "a compact name and an id": ([("compact name", "vandoejohn"), ("id", "125")], JOHN_2),
    "a part of a compact name": ([("compact name", "doejan")], "matches nobody in the roster"),
    "a name is not a login": ([("name", "jd")], "matches nobody in the roster"),
}


@pytest.mark.parametrize("case", CLUES)
def test_better_clue_counts(case: str) -> None:
    """An id takes precedence over a login, and a login over a name; if two people match, neither gets it."""
    clues, expected = CLUES[case]
    assert result(handed_in("label", *clues)) == expected


def test_everyone_is_listed() -> None:
    """People with no submission or several are kept, and so are submissions that match no one."""
    given = [handed_in("123"), handed_in("Jane Doe"), handed_in("nobody")]
    matching = match(PEOPLE, given)
    assert matching.of_person == {JANE: given[:2], JOHN: [], JOHN_2: [], ERIK: []}
    assert matching.nobody == [(given[2], "matches nobody in the roster")]
