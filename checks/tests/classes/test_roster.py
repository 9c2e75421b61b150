"""Rosters as platforms export them, and the assignment of submissions to people."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from labcheck.classes.register import Register
from labcheck.classes.roster import find_column, read_names, read_roster
from labcheck.errors import UsageError
from labcheck.platforms.downloads import by_hand
from labcheck.record.gradebook import Asked
from labcheck.record.people import Person, Roster
from labcheck.record.submission import Submission

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
    "a delimiter that Excel declares": ('"sep=;"\nname;id\nDoe, Jane;7\n', [Person("Doe, Jane", id="7")]),
    "bars": ("name|e-mail\nDoe, Jane|j@x.org\n", [Person("Doe, Jane", "j@x.org")]),
    "title lines": ("Course 4711, winter\nas of 1 May\n\nName,ID\nJane,7\n", [Person("Jane", id="7")]),
    "groups": ("Name,Groups\nJane,Team 1\n", [Person("Jane", group="Team 1")]),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("case", ROSTERS)
def test_people_are_read(case: str, encoding: str, tmp_path: Path) -> None:
    """People are read from every kind of export; rows that are not people are skipped."""
    text, people = ROSTERS[case]
    file = tmp_path / "class.csv"
    file.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert list(read_roster(file).people) == people


REFUSED = {
    "no column": (b"a,b\n1,2\n", "the table in .*class.csv has no known column; expected one such as Student"),
    "only sections": (b"section\nA\n", "no known column"),
    "nothing": (b"", "no known column"),
    "no encoding": (b"name\nJane\n\xc9r\x81ik\n", r"line 3 of .*class.csv is not text in a known encoding; save the"),
    "a broken pair": (b"\xff\xfe\x00\xd8a\x00", "line 1 of .*class.csv is not text"),
    "a damaged Excel file": (b"PK\3\4x", "class.csv cannot be read as an Excel file .*; save it as `CSV UTF-8`"),
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


def test_excel_file_is_read(tmp_path: Path) -> None:
    """The first sheet of an Excel file is a table like any other; a number is no decimal fraction."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["Course 4711"], [], ["Name", "ID", "E-Mail"], ["Érik", 7.0, None], ["Jane", "08", "j@x.org"]):
        book.active.append(row)
    book.save(tmp_path / "class.xlsx")
    people = [Person("Érik", id="7"), Person("Jane", "j@x.org", "08")]
    assert list(read_roster(tmp_path / "class.xlsx").people) == people


def test_excel_file_without_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without openpyxl, the error says how to install it, and what to do without it."""
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (tmp_path / "class.xlsx").write_bytes(b"PK\3\4")
    with pytest.raises(UsageError, match=r"needs openpyxl; save it as `CSV UTF-8`, or run: .*xlsx"):
        read_roster(tmp_path / "class.xlsx")


def test_names_of_files_are_read(tmp_path: Path) -> None:
    """A table says whose each file is, by anything that identifies a person."""
    file = tmp_path / "names.csv"
    file.write_text("File;Email\nwebserver (1).py;j@x.org\nnobody.py;\n", "utf-8")
    assert read_names(file) == {"webserver (1).py": (("email", "j@x.org"),)}
    file.write_text("Name;Email\nJane;j@x.org\n", "utf-8")
    with pytest.raises(UsageError, match=r"names.csv must have a column File, and one that says whose it is"):
        read_names(file)


ASSIGNMENTS = {"Lab 1 (77)": 50.0, "Lab 2 (78)": None}


@pytest.mark.parametrize("given", ["Lab 1 (77)", "Lab 1"])
def test_column_is_found_in_the_roster(given: str) -> None:
    """The id that Canvas appends to a title may be left out."""
    assert find_column(Roster((), ASSIGNMENTS), given) == "Lab 1 (77)"
    assert find_column(Roster(()), given) == given


@pytest.mark.parametrize(("given", "near"), [("Lab1", "Lab 1 (77)"), ("lab 2 (87)", "Lab 2 (78)"), ("x", "Lab 1 (77)")])
def test_unknown_column_is_a_usage_error(given: str, near: str) -> None:
    """A column that the course does not have is reported with the nearest one."""
    with pytest.raises(UsageError, match=rf"no column '{re.escape(given)}'; did you mean '{re.escape(near)}'\?"):
        find_column(Roster((), ASSIGNMENTS), given)


STATUS = {
    "English": ("Identifier,Full name,Status,Grade", "Submitted for grading - Graded - 2 hours 3 mins late"),
    "English, not graded": ("Identifier,Full name,Status,Grade", "Submitted for grading - 1 day late"),
    "German": ("ID,Status,Bewertung,Zuletzt geändert (Bewertung)", "Zur Bewertung abgegeben - 3 Stunden später"),
    "French": ("Identifiant,Statut,Note,Dernière modification (note)", "Remis pour évaluation - En retard de 2 jours"),
    "Spanish": (
        "Identificador,Estado,Calificación,Última modificación (calificación)",
        "Enviado para calificar - 1 hora después",
    ),
}


@pytest.mark.parametrize("language", STATUS)
def test_worksheet_says_who_is_late(language: str, tmp_path: Path) -> None:
    """The status in Moodle's worksheet marks a late submission, in four languages; nothing else does."""
    head, late = STATUS[language]
    statuses = [late, late.rpartition(" - ")[0], "No submission - Assignment is overdue by: 3 days", ""]
    place = [each.casefold() for each in head.split(",")].index(
        next(each for each in ("status", "statut", "estado") if each in head.casefold())
    )
    rows = []
    for number, status in enumerate(statuses, start=11):
        cells = [f"Participant {number}", *[f"n{number}"] * (head.count(",") - 1), ""]
        cells[place] = status
        rows.append(",".join(cells))
    (tmp_path / "list.csv").write_text("\n".join([head, *rows, ""]), "utf-8")
    people = read_roster(tmp_path / "list.csv").people
    assert [person.is_late for person in people] == [True, False, False, False]
    (tmp_path / "own.csv").write_text(f"Name,Status\nAda,{late}\n", "utf-8")
    assert [person.is_late for person in read_roster(tmp_path / "own.csv").people] == [False]


def test_late_person_has_a_late_submission() -> None:
    """Who is late in the roster has a submission that is late, in the gradebook and after it was kept."""
    ada, bob = Person("Ada", is_late=True), Person("Bob")
    submissions = tuple(Submission(name, name, name, (by_hand(name),)) for name in ("Ada", "Bob"))
    register = Register("lab1", "Title", (Asked("1.1", "first"),), submissions, Roster((ada, bob)))
    for each in (register, Register.from_json(register.to_json())):
        assert [(entry.name, entry.is_late) for entry in each.gradebook().entries] == [("Ada", True), ("Bob", False)]
