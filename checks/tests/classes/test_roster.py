"""Rosters as platforms export them, and the assignment of submissions to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from labcheck.classes.roster import read_roster
from labcheck.errors import UsageError
from labcheck.record.people import Person

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
            Person("Doe, Jane", "", "", "u123", "jane@x.org", "", "A", numbers=(("canvas", "123"),)),
            Person("Müller, Érik", "", "", "u124", "erik", "", "A and B", numbers=(("canvas", "124"),)),
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
    assert list(read_roster(file).people) == people


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
