"""From each system's download and roster to its import: everybody gets the points of their own, newest work."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conftest import record_of
from labcheck.classes import report
from labcheck.classes.discovery import opened
from labcheck.classes.roster import read_roster
from labcheck.classes.submissions import Order, Submissions
from labcheck.errors import UsageError
from labcheck.judging.options import Options
from labcheck.platforms import metadata
from labcheck.platforms.downloads import read_download
from labcheck.platforms.formats import find
from labcheck.record.gradebook import Entry, Gradebook
from labcheck.record.people import Person
from labcheck.record.record import Outcome, RequirementResult
from labcheck.record.result import GRADED, REFUSED, Result
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labcheck.record.people import Roster
    from labcheck.record.record import Record

LAB = load_lab("lab1")
ALL = 10  # points of the requirements that are made up here


@dataclass(frozen=True)
class System:
    """A download in its true form (file -> content), the roster, and what should come out of them.

    A program contains only its number of points. `points` are those in the import, by the column `key`. `remarks` are
    beginnings of what the instructor reads about a submission or a person, `notes` parts of it. `ways` are the options.
    """

    files: dict[str, str | int]
    roster: str
    key: str
    points: dict[str, float]
    remarks: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    form: str = ""
    column: str = "Lab 1"
    out: str = "Lab 1"  # the heading of the column with the points


RECEIPT = """Name: {name}
Assignment: Lab 1
Date Submitted: Thursday, January 2, 2025 10:11:00 AM CET
Current Grade: Needs Grading

Submission Field:
{text}

Comments:
There are no student comments for this assignment.

Files:
{files}"""
NO_TEXT = "There is no student submission text data for this assignment."
NO_FILE = "No files were attached to this submission.\n"


def receipt(name: str, text: str = NO_TEXT, **files: str) -> str:
    """Return the receipt of an attempt in Blackboard; `files` are the original names by those in the download."""
    listed = "".join(f"\tOriginal filename: {own}\n\tFilename: {theirs}\n\n" for own, theirs in files.items())
    return RECEIPT.format(name=name, text=text, files=listed or NO_FILE)


def attempt(login: str, clock: str, file: str = "") -> str:
    """Return the name of a file in Blackboard, or of the receipt."""
    return f"Lab_1 v2_{login}_attempt_2025-01-{clock}" + (f"_{file}" if file else ".txt")


METADATA = """---
submission_501:
  :submitters:
  - :name: "Zo\\xEB O'Connor-M\\u00FCller"
    :sid: '0101'
    :email: zoe@x.org
  :created_at: 2025-01-02 10:11:12.345678000 Z
  :score: 3.0
  :status: processed
  :results:
    :output: |-
      submission_502:
        :submitters:
        - :name: Eva Adams
    :tests:
    - :name: a test
      :submitters:
      - :name: Kim Lee
submission_502:
  :submitters:
  - :name: Kim Lee
    :sid: '0102'
    :email: kim@x.org
  :created_at: 2025-01-02 10:11:12.345678000 Z
submission_503:
  :submitters:
  - :name: Kim Lee
    :sid:
    :email: kim2@x.org
  :created_at: 2025-01-02 10:11:12.345678000 Z
submission_504:
  :submitters:
  - :name: 'Ann "Annie" O''Hara'
    :sid: '0104'
    :email: ann@x.org
  - :name: Bob
      Brown
    :sid: '0105'
    :email: bob@x.org
  :created_at: 2025-01-02 10:11:12.345678000 Z
submission_505:
  :submitters:
  - :name: Eva Adams
    :sid: '0106'
    :email: eva@x.org
  :created_at: 2025-01-02 23:30:00.000000000 +01:00
submission_506:
  :submitters:
  - :name: Eva Adams
    :sid: '0106'
    :email: eva@x.org
  :created_at: 2025-01-02 22:45:00.000000000 Z
"""

SYSTEMS = {
    "canvas": System(
        {
            "o'connormüllerzoë_101_9001_webserver.py": 5,
            "leekim_102_9002_webserver.py": 2,
            "leekim_103_9003_webserver.py": 3,
            "adamseva_LATE_106_9010_webserver-1.py": 7,
            "adamseva_LATE_106_9005_webserver.py": 1,
            "whitetom_107_text.html": "<p>print(5)</p>",
            "youngliz_LATE_108_link.html": "<a>",
            "team1_104_9011_webserver.py": 9,
            "LATE_anon_b7XqZ_9020_webserver.py": 8,
        },
        "Student,ID,SIS User ID,SIS Login ID,Section,Group,Lab 1 (77)\n"
        "    Points Possible,,,,,,20\n"
        '"O\'Connor-Müller, Zoë",101,s101,zoe,A,,\n'
        '"Lee, Kim",102,s102,kim,A,,\n"Lee, Kim",103,s103,kim2,B,,\n'
        '"O\'Hara, Ann",104,s104,ann,A,Team 1,\n"Brown, Bob",105,s105,bob,A,Team 1,\n'
        '"Adams, Eva",106,s106,eva,A,,\n"White, Tom",107,s107,tom,A,,\n"Young, Liz",108,s108,liz,A,,\n'
        '"Student, Test",109,,x,A,,\n',
        "ID",
        {"101": 10, "102": 4, "103": 6, "104": 18, "105": 18, "106": 14},  # of 20 points
        {
            "White, Tom": "a text was entered in Canvas",
            "Young, Liz": "a link was submitted",
            "anon": "number b7xqz is not in the roster",
        },
        {"Adams, Eva": "late; not graded, because older: adamseva_LATE_106_9005_webserver.py", "anon": "late"},
        out="Lab 1 (77)",
    ),
    "moodle": System(
        {
            "Zoë OConnor-Müller (sheher)_101_assignsubmission_file/webserver.py": 5,
            "Kim Lee_102_assignsubmission_file/webserver.py": 2,
            "Kim Lee_103_assignsubmission_file/webserver.py": 3,
            "Tom White_107_assignsubmission_onlinetext/onlinetext.html": "<p>print(5)</p>",
            "Eva Adams_106_assignsubmission_file/webserver.py": 7,
        },
        "Vorname;Nachname;ID-Nummer;E-Mail-Adresse;Gruppen\nZoë;O'Connor-Müller;101;zoe@x.org;\n"
        "Kim;Lee;102;kim@x.org;\nKim;Lee;103;kim2@x.org;\nEva;Adams;106;eva@x.org;\nTom;White;107;tom@x.org;\n",
        "Email address",
        {"zoe@x.org": 5, "eva@x.org": 7},
        {"Tom White": "a text was entered in Moodle", "Kim Lee_102": "could be Kim Lee", "Kim Lee_103": "could be Kim"},
    ),
    "moodle teams": System(
        {
            "Team 1_107_assignsubmission_file/webserver.py": 9,  # the number is not Tom's, but the group's
            "Default group_assignsubmission_file/webserver.py": 1,
        },
        "Identifier,Full name,Email address,Status,Group,Grade,Maximum Grade\n"
        "Participant 104,Ann O'Hara,ann@x.org,,Team 1,,\nParticipant 105,Bob Brown,bob@x.org,,Team 1,,\n"
        "Participant 107,Tom White,tom@x.org,,Team 2,,\n",
        "Email address",
        {"ann@x.org": 9, "bob@x.org": 9},
        {"Tom White": "submitted nothing", "Default group_assignsubmission_file": "matches nobody in the roster"},
        form="moodle",
    ),
    "moodle worksheet": System(
        {
            "Participant_101_assignsubmission_file_webserver.py": 5,
            "Participant_102_assignsubmission_file_webserver.py": 2,
            "Participant_103_assignsubmission_file_x_106_assignsubmission_file_webserver.py": 3,
            "Participant_107_assignsubmission_onlinetext_onlinetext.html": "<p>print(5)</p>",
            "Participant_106_assignsubmission_file_webserver.py": 7,
        },
        "Identifier,Status,Grade,Maximum Grade,Last modified (submission),Last modified (grade),Feedback comments\n"
        + "".join(f"Participant {number},Submitted for grading,,10.00,-,-,\n" for number in (101, 102, 103, 106, 107)),
        "Identifier",
        {"Participant 101": 5, "Participant 102": 2, "Participant 103": 3, "Participant 106": 7},
        {"107": "a text was entered in Moodle"},
        form="moodle_worksheet",
        out="Grade",
    ),
    "gradescope": System(
        {
            "assignment_9_export/submission_metadata.yml": METADATA,
            "assignment_9_export/submission_501/webserver.py": 5,
            "assignment_9_export/submission_502/webserver.py": 2,
            "assignment_9_export/submission_503/webserver.py": 3,
            "assignment_9_export/submission_504/webserver.py": 9,
            "assignment_9_export/submission_505/webserver.py": 1,
            "assignment_9_export/submission_506/webserver.py": 7,
        },
        "First Name,Last Name,SID,Email,Role,Section\nZoë,O'Connor-Müller,0101,zoe@x.org,Student,\n"
        "Kim,Lee,0102,kim@x.org,Student,\nKim,Lee,0103,kim2@x.org,Student,\nAnn,O'Hara,0104,ann@x.org,Student,\n"
        "Bob,Brown,0105,bob@x.org,Student,\nEva,Adams,0106,eva@x.org,Student,\nTom,White,0107,tom@x.org,Student,\n",
        "e-mail",
        {
            "zoe@x.org": 5,
            "kim@x.org": 2,
            "kim2@x.org": 3,
            "ann@x.org": 9,
            "bob@x.org": 9,
            "eva@x.org": 7,
        },
        {"Tom White": "submitted nothing"},
        {"Eva Adams": "not graded, because older: Eva Adams_505"},
        form="csv",
        out="score",
    ),
    "blackboard": System(
        {
            attempt("zoe", "02-10-11-00"): receipt("Zoë (she/her) O'Connor-Müller (zoe)", **{"my work.py": "x"}),
            attempt("zoe", "02-10-11-00", "webserver.py"): "5",
            attempt("kim_l", "02-10-11-00"): receipt("Kim Lee (kim_l)"),
            attempt("kim_l", "02-10-11-00", "webserver.py"): "2",
            attempt("kim2", "02-10-11-00", "x_eva_attempt_2030-01-01-10-00-00_webserver.py"): 3,
            attempt("eva", "09-10-11-00"): receipt("Eva Adams (eva)"),
            attempt("eva", "09-10-11-00", "webserver.py"): "1",
            attempt("eva", "10-10-11-00"): receipt("Eva Adams (eva)"),
            attempt("eva", "10-10-11-00", "webserver.py"): "7",
            attempt("tom", "02-10-11-00"): receipt("Tom White (tom)", "print(5)"),
            attempt("liz", "02-10-11-00"): receipt("Liz Young (liz)"),
            attempt("Team 1", "02-10-11-00", "webserver.py"): "9",
        },
        "Last Name\tFirst Name\tUsername\tStudent ID\tLast Access\tAvailability\tGroup\t"
        "Lab 1 [Total Pts: 20 Score] |77\n"
        "O'Connor-Müller\tZoë\tzoe\t101\t\tYes\t\t\nLee\tKim\tkim_l\t102\t\tYes\t\t\nLee\tKim\tkim2\t103\t\tYes\t\t\n"
        "Adams\tEva\teva\t106\t\tYes\t\t\nWhite\tTom\ttom\t107\t\tYes\t\t\nYoung\tLiz\tliz\t108\t\tYes\t\t\n"
        "O'Hara\tAnn\tann\t104\t\tYes\tTeam 1\t\nBrown\tBob\tbob\t105\t\tYes\tTeam 1\t\n",
        "Username",
        {"zoe": 10, "kim_l": 4, "kim2": 6, "eva": 14, "ann": 18, "bob": 18},  # of 20 points
        {"Tom White": "a text was entered in Blackboard", "Liz Young": "an attempt in Blackboard without a file"},
        {"Eva Adams": f"not graded, because older: {attempt('eva', '09-10-11-00', 'webserver.py')}"},
        out="Lab 1 [Total Pts: 20 Score] |77",
    ),
    "brightspace": System(
        {
            "index.html": "<table>",
            "6101-77 - Zoë O'Connor-Müller (she, her) - Jan 2, 2025 1011 AM/webserver.py": 5,
            "6102-77 - Kim Lee - Jan 2, 2025 1011 AM/webserver.py": 2,
            "6103-77 - Kim Lee - Jan 2, 2025 1012 AM/webserver.py": 3,
            "6106-77 - Eva Adams - Jan 9, 2025 1159 AM/webserver.py": 1,
            "6106-77 - Eva Adams - Jan 9, 2025 1230 PM/webserver.py": 7,
            "6106-77 - Eva Adams - Jan 9, 2025 1201 AM/webserver.py": 2,
            "7001-77 - Team 1 - 2 January, 2025 1011/webserver.py": 9,
        },
        "OrgDefinedId,Username,Last Name,First Name,Email,Groups,Lab 1 Points Grade <Numeric MaxPoints:20 Weight:1>,"
        "End-of-Line Indicator\n"
        "#0101,#zoe,O'Connor-Müller,Zoë,,,,#\n#0102,#kim,Lee,Kim,,,,#\n#0103,#kim2,Lee,Kim,,,,#\n"
        "#0106,#eva,Adams,Eva,,,,#\n#0104,#ann,O'Hara,Ann,,Team 1,,#\n#0105,#bob,Brown,Bob,,Team 1,,#\n",
        "OrgDefinedId",
        {"#0101": 10, "#0106": 14, "#0104": 18, "#0105": 18},  # of 20 points
        {"Kim Lee_6102": "could be Kim Lee or Kim Lee", "Kim Lee_6103": "could be Kim Lee or Kim Lee"},
        {
            "Eva Adams": "not graded, because older: 6106-77 - Eva Adams - Jan 9, 2025 1201 AM/webserver.py, "
            "6106-77 - Eva Adams - Jan 9, 2025 1159 AM/webserver.py"
        },
        out="Lab 1 Points Grade <Numeric MaxPoints:20 Weight:1>",
    ),
    "brightspace flat": System(
        {
            "6101-77 - Zoë O'Connor-Müller - Jan 2, 2025 1011 AM - webserver.py": 5,
            "6102-77 - Kim Lee - Jan 2, 2025 1011 AM - 6101-77 - Zoë O'Connor-Müller - Jan 9, 2025 1011 AM - x.py": 2,
        },
        "Username,Last Name,First Name,End-of-Line Indicator\n#zoe,O'Connor-Müller,Zoë,#\n#kim,Lee,Kim,#\n",
        "Username",
        {"#zoe": 5, "#kim": 2},
        form="brightspace",
        out="Lab 1 Points Grade",
    ),
    "teams": System(
        {
            "Student Work/Submitted files/Zoë O'Connor-Müller (she, her)/Lab 1/Version 1/webserver.py": 5,
            "Student Work/Submitted files/Zoë O'Connor-Müller (she, her)/Lab 2/Version 1/webserver.py": 0,
            "Student Work/Submitted files/Kim Lee/desktop.ini": "",
            "Student Work/Submitted files/Kim Lee/Lab 1/Version 1/webserver.py": 2,
            "Student Work/Submitted files/Eva Adams/Lab 1/Version 9/webserver.py": 1,
            "Student Work/Submitted files/Eva Adams/Lab 1/Version 10/webserver.py": 7,
            "Student Work/Submitted files/Ann O'Hara/Lab 1/webserver.py": 9,
            "Student Work/Working files/Tom White/Lab 1/webserver.py": 8,
        },
        "First Name,Last Name,Email Address\nZoë,O'Connor-Müller,zoe@x.org\nKim,Lee,kim@x.org\nKim,Lee,kim2@x.org\n"
        "Eva,Adams,eva@x.org\nAnn,O'Hara,ann@x.org\nTom,White,tom@x.org\n",
        "Email Address",
        {"zoe@x.org": 5, "eva@x.org": 7, "ann@x.org": 9},
        {"Kim Lee": "could be Kim Lee or Kim Lee", "Tom White": "submitted nothing"},
        {"Eva Adams": "not graded, because older: Version 9"},
    ),
    "nbgrader": System(
        {
            "course/submitted/zoe/lab1/webserver.py": 5,
            "course/submitted/zoe/lab1/timestamp.txt": "2025-01-02 10:11:12.345678 UTC",
            "course/submitted/zoe/ps2/webserver.py": 0,
            "course/submitted/zoe/ps2/timestamp.txt": "2025-02-02 10:11:12.345678 UTC",
            "course/submitted/kim/lab1/webserver.py": 2,
            "course/submitted/kim/lab1/timestamp.txt": "2025-01-02 10:11:12",
            "course/submitted/kim2/lab1/webserver.py": 3,
            "course/submitted/kim2/lab1/timestamp.txt": "2025-01-02 10:11:12",
            "course/source/lab1/webserver.py": 10,
            "course/release/lab1/webserver.py": 10,
        },
        'id,first_name,last_name,email\nzoe,Zoë,O\'Connor-Müller,\nkim,Kim,"Lee, Jr.",\nkim2,Kim,"Lee, Jr.",\n',
        "student_id",
        {"zoe": 5, "kim": 2, "kim2": 3},
        out="score",
    ),
    "nbgrader exchange": System(
        {
            "inbound/eva+lab1+2025-01-02 10:11:12.345678 UTC+zyx/webserver.py": 1,
            "inbound/eva+lab1+2025-01-02 10:11:12.345678 UTC+zyx/timestamp.txt": "2025-01-02 10:11:12.345678 UTC",
            "inbound/eva+lab1+2025-01-10 10:11:12.345678 UTC+abc/webserver.py": 7,
            "inbound/kim+lab1+2025-01-10 10:11:12.345678 UTC/webserver.py": 2,
        },
        "id,first_name,last_name,email\neva,Eva,Adams,\nkim,Kim,Lee,\n",
        "student_id",
        {"eva": 7, "kim": 2},
        notes={"Eva Adams": "not graded, because older: eva+lab1+2025-01-02"},
        form="nbgrader",
        out="score",
    ),
    "github": System(
        {
            "lab-1-zoe-m/webserver.py": 5,
            "lab-1-zoe-m/.git/config": "",
            "lab-1-kim/webserver.py": 2,
            "lab-1-kim2/webserver.py": 3,
            "lab-1-eva/webserver.py": 1,
            "lab-1-eva-1/webserver.py": 7,
        },
        'identifier,github_username,github_id,name\n"O\'Connor-Müller, Zoë",zoe-m,5,Zoë\n102,kim,6,Kim Lee\n'
        "103,kim2,7,Kim Lee\n106,eva,8,Eva Adams\n",
        "id",
        {"O'Connor-Müller, Zoë": 5, "102": 2, "103": 3, "106": 7},
        notes={"Eva Adams": "not graded, because older: lab-1-eva"},
        form="csv",
        out="score",
    ),
}


def gradebook_of(place: Path, roster: Roster, column: str = "") -> Gradebook:
    """Return the class, with the points that are in the programs as the results."""
    order = Order(LAB, Options())
    with opened(place, ["webserver.py"]) as folder:
        found = Submissions.in_folder(order, folder, column=column)
        results = {}
        for each, key in zip(found.found, found.keys, strict=True):
            if key in found.refused:
                results[key] = Result(key, each.label, REFUSED, found.refused[key])
            else:
                _, data = each.read(LAB)
                points = int(re.findall(rb"(?:^|\0)(\d+)(?:$|\0)", data)[-1])
                results[key] = Result(key, each.label, GRADED, record=graded(points))
        register = found.register(place, roster, {})
    return report.settled(register, column, None).gradebook().filled(results)


def graded(points: int) -> Record:
    """Return a record with a number of points."""
    return record_of(
        RequirementResult(
            f"1.{number}", "", Outcome.PASSED if number <= points else Outcome.FAILED, 1, number <= points
        )
        for number in range(1, ALL + 1)
    )


def written(place: Path, files: Mapping[str, str | int]) -> Path:
    """Write a download as the archive that the system offers."""
    with zipfile.ZipFile(place / "download.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, str(text))
    return place / "download.zip"


def roster_in(place: Path, text: str) -> Roster:
    """Return the roster with a text."""
    (place / "class.csv").write_text(text, "utf-8")
    return read_roster(place / "class.csv")


def rows_of(text: str) -> list[dict[str, str]]:
    """Return the rows of a table, without Canvas's row of possible points."""
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return [row for row in rows if not row.get("Student", "").startswith("    Points Possible")]


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("as_folder", [False, True], ids=["archive", "folder"])
def test_points_go_to_the_right_people(name: str, as_folder: bool, tmp_path: Path) -> None:
    """The newest work of each student, and of each member of a group, gives the points in the system's own import."""
    system = SYSTEMS[name]
    place = written(tmp_path, system.files)
    if as_folder:
        with zipfile.ZipFile(place) as archive:
            archive.extractall(tmp_path / "unpacked")
        place = tmp_path / "unpacked"
    gradebook = gradebook_of(place, roster_in(tmp_path, system.roster), system.column)
    rows = rows_of(find("whole_class", system.form or name.split()[0]).render(gradebook))
    assert {row[system.key]: float(row[system.out]) for row in rows if row[system.out]} == system.points
    entries = {entry.name: entry for entry in gradebook.entries} | {each.submission: each for each in gradebook.entries}
    for whose, remark in system.remarks.items():
        assert entries[whose].remark.startswith(remark), entries[whose]
    for whose, note in system.notes.items():
        assert note in entries[whose].about, entries[whose]
    graded = {entry.name for entry in gradebook.entries if entry.score is not None and entry.remark}
    assert graded <= set(system.remarks) | {entries[whose].name for whose in system.remarks}


def test_lateness_and_time_are_known(tmp_path: Path) -> None:
    """What a system tells about the time of a submission is kept, in ISO 8601; one without a zone stays so."""
    times = {}
    for name, system in SYSTEMS.items():
        (tmp_path / name).mkdir()
        with opened(written(tmp_path / name, system.files), ["webserver.py"]) as folder:
            found = Submissions.in_folder(Order(LAB, Options()), folder, column=system.column).found
        times[name] = {each.label: each.submitted for each in found}
    assert times["gradescope"]["Eva Adams_505"] == "2025-01-02T22:30:00+00:00"
    assert times["blackboard"]["Eva Adams"] == "2025-01-10T10:11:00"
    assert times["brightspace"]["Eva Adams"] == "2025-01-09T12:30:00"
    assert times["nbgrader"]["zoe"] == "2025-01-02T10:11:12+00:00"
    assert times["nbgrader exchange"]["eva"] == "2025-01-10T10:11:12+00:00"


def test_one_assignment_of_several_is_graded(tmp_path: Path) -> None:
    """A library may have the work for several assignments: the one with the lab's name counts, or the given title."""
    roster = roster_in(tmp_path, "Full name,Email\nEva,eva@x.org\nTom,tom@x.org\n")

    def scores(first: str, second: str, column: str = "") -> list[float | None]:
        files = {
            f"Submitted files/{who}/{assignment}/Version 1/webserver.py": points
            for who in ("Eva", "Tom")
            for assignment, points in ((first, 2), (second, 5))
        }
        return [entry.score for entry in gradebook_of(written(tmp_path, files), roster, column).entries]

    with pytest.raises(UsageError, match=r"the work for 2 assignments: X, Y; say which .* --column TITLE"):
        scores("X", "Y")
    named = f"{LAB.name.upper()} - {LAB.title}"
    assert scores("X", "Y", "y") == scores("X", named) == scores(LAB.name, "Y", "Y") == [5, 5]
    assert scores(named, "Y") == [2, 2]


LOOKALIKES = {
    "a student's own folders": ["eva/webserver.py", "eva/data/timestamp.txt", "eva/work/Version 2/webserver.py"],
    "a text that is not a time": ["eva/data/webserver.py", "eva/data/timestamp.txt"],
}


@pytest.mark.parametrize("case", LOOKALIKES)
def test_folder_of_a_student_is_no_download(case: str, tmp_path: Path) -> None:
    """What only resembles a system's folders is the student's own work, with everything in it."""
    place = written(tmp_path, {**dict.fromkeys(LOOKALIKES[case], "x"), "tom/webserver.py": "x"})
    with opened(place, ["webserver.py"]) as folder:
        found = Submissions.in_folder(Order(LAB, Options()), folder).found
    assert [each.label for each in found] == ["eva", "tom"]


def test_guess_comes_last(tmp_path: Path) -> None:
    """Folders with a common beginning may be clones of GitHub Classroom, but not if another system has named them."""
    files = {f"Team-{team}_10{team}_assignsubmission_file/webserver.py": team for team in (1, 2)}
    with opened(written(tmp_path, files), ["webserver.py"]) as folder:
        found = Submissions.in_folder(Order(LAB, Options()), folder).found
    assert [each.label for each in found] == ["Team-1", "Team-2"]


def test_unreadable_folder_does_not_end_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A student's folder that cannot be listed keeps its place in the class, as a submission to be refused."""
    listed = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path.name == "eva":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    (tmp_path / "eva").mkdir()
    (tmp_path / "tom.py").write_text("5", "utf-8")
    monkeypatch.setattr(Path, "iterdir", iterdir)
    parts, left = read_download([tmp_path / "eva", tmp_path / "tom.py"])
    assert (parts, left) == ([], [tmp_path / "eva", tmp_path / "tom.py"])


def test_file_of_nobody_names_the_option(tmp_path: Path) -> None:
    """Google Classroom numbers files with the same name: what matches nobody asks for a table with --names."""
    files = {"webserver.py": 1, "webserver (1).py": 2, "webserver (2).py": 3, "notes.py": 4}
    gradebook = gradebook_of(written(tmp_path, files), roster_in(tmp_path, "Name\nEva Adams\n"))
    remarks = {entry.submission: entry.remark for entry in gradebook.entries if entry.submission}
    for name in ("webserver", "webserver (1)", "webserver (2)"):
        hint = f"say whose {name}.py is in a table, and give it with --names"
        assert remarks[name] == f"matches nobody in the roster; {hint}"
    assert remarks["notes"] == "matches nobody in the roster"


NOT_GRADESCOPE = {
    "another form": "submission_1:\n  :submitters: [{name: Eva}]\n  - :name: |-\n      Eva\n",
    "quotation marks": "submission_1:\n  :submitters:\n  - :name: 'Eva\n  :created_at: x\n",
    "an unknown escape": 'submission_1:\n  :submitters:\n  - :name: "\\q"\n',
    "a person without a beginning": "submission_1:\n  :submitters:\n    :name: Eva\n",
    "a list": "- submission_1\n",
    "no text": "\xff",
}


@pytest.mark.parametrize("case", NOT_GRADESCOPE)
def test_other_metadata_is_a_usage_error(case: str, tmp_path: Path) -> None:
    """A file that Gradescope has not written is refused in one line, before anything is graded."""
    place = tmp_path / "export"
    (place / "submission_1").mkdir(parents=True)
    (place / "submission_metadata.yml").write_bytes(NOT_GRADESCOPE[case].encode("latin-1"))
    with pytest.raises(UsageError, match=r"submission_metadata.yml cannot be read: .*; export the submissions again"):
        gradebook_of(place, roster_in(tmp_path, "Name\nEva\n"))


TEXTS = st.one_of(
    st.text(max_size=20),
    st.text(st.sampled_from("abc '\":#-_,[]{}!&*|>%@`\\é~0"), max_size=20),
    st.lists(st.sampled_from(["Ada", "O'Hara", '"x"', "Zoë", "a: b", "#x", "-"]), min_size=9).map(" ".join),  # folded
)


def plain(person: dict[str, str]) -> dict[str, str]:
    """Return what is known of a person, with single spaces; words for nothing are nothing."""
    texts = {key: " ".join(text.split()) for key, text in person.items()}
    return {key: "" if text in ("~", "null") else text for key, text in texts.items()}


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3), TEXTS, st.booleans())
def test_metadata_is_read_as_yaml(people: list[tuple[str, str]], printed: str, unicode: bool) -> None:
    """Any name is read as another writer of YAML has written it, and no text from a program is taken for one."""
    known = [{":name": name, ":sid": sid} for name, sid in people]
    tests = [{":name": printed, ":submitters": [{":name": printed}]}]
    one = {":submitters": known, ":status": printed, ":results": {":output": printed, ":tests": tests}}
    other = {":submitters": [{":name": "Eva"}], ":created_at": "2025-01-02 10:11:12.345678000 Z"}
    text = yaml.safe_dump({"submission_1": one, "submission_2": other}, allow_unicode=unicode, sort_keys=False)
    found = metadata.read(text)
    assert [*found] == ["submission_1", "submission_2"]
    expected = [plain({"name": name, "sid": sid}) for name, sid in people]
    assert [plain(person) for person in found["submission_1"].people] == expected
    assert found["submission_2"] == metadata.Submission([{"name": "Eva"}], "2025-01-02 10:11:12.345678000 Z")


def test_headings_of_moodle_in_other_languages(tmp_path: Path) -> None:
    """The lists and worksheets of Moodle in German, French and Spanish are read like those in English."""
    for header in (
        "First name,Last name,ID number,Email address,Username,Groups",
        "Vorname,Nachname,ID-Nummer,E-Mail-Adresse,Anmeldename,Gruppen",
        "Prénom,Nom,Numéro d'identification,Adresse de courriel,Nom d'utilisateur,Groupes",
        "Prénom,Nom de famille,Numéro d’identification,Adresse de courriel,Nom d’utilisateur,Groupes",
        "Nombre,Apellido(s),Número de ID,Dirección de correo,Nombre de usuario,Grupos",
    ):
        (person,) = roster_in(tmp_path, f"{header}\nEva,Adams,106,eva@x.org,eva,Team 1\n").people
        known = person.name, person.id, person.email, person.sis_login_id, person.group
        assert known == ("Eva Adams", "106", "eva@x.org", "eva", "Team 1"), header
    for header, number in (
        ("Identifier,Full name,Email address,Status,Grade", "Participant 106"),
        ("ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Zuletzt geändert (Bewertung)", "Teilnehmer/in106"),
        ("Identifiant,Nom complet,Adresse de courriel,Statut,Note,Dernière modification (note)", "Participant106"),
        (
            "Identificador,Nombre completo,Dirección de correo,Estado,Calificación,Última modificación (calificación)",
            "Participante106",
        ),
    ):
        (person,) = roster_in(tmp_path, f"{header}\n{number},Eva Adams,eva@x.org,-,-\n").people
        assert (person.name, person.email, person.id) == ("Eva Adams", "eva@x.org", ""), header
        assert person.number("moodle") == "106", header


LACKING = {
    "canvas": (
        "ID of Canvas, SIS User ID or SIS Login ID",
        "Canvas looks for the name (give its own export as the roster)",
    ),
    "moodle": ("e-mail address", "Moodle cannot find them by it"),
    "moodle_worksheet": ("number of Moodle", "they are left out (give the worksheet itself as the roster)"),
    "blackboard": ("user name", "Blackboard cannot find them"),
    "brightspace": ("OrgDefinedId or user name", "Brightspace cannot find them"),
    "teams": ("e-mail address", "their rows have nothing but the name"),
    "nbgrader": ("login or ID", "their rows have no student_id"),
}


def gradebook_with(*people: Person) -> Gradebook:
    """Return a class in which everybody has a grade."""
    entries = (Entry("work", "key", person, record=graded(5)) for person in people)
    return Gradebook("lab1", "Title", (), tuple(entries), with_people=True)


@pytest.mark.parametrize("name", LACKING)
def test_import_warns_of_people_whom_it_cannot_find(name: str) -> None:
    """Before an import, the people are named who lack what it needs; nobody is if all have it, or have no grade."""
    warns, (what, otherwise) = find("whole_class", name).warns, LACKING[name]
    nameless = [Person(f"Person {number}") for number in range(8)]
    named = "Person 0; Person 1; Person 2; Person 3; Person 4 and 3 more"
    assert [*warns(gradebook_with(*nameless))] == [f"8 people have no {what}, so {otherwise}: {named}"]
    known = [replace(each, email=f"{each}@x.org", sis_login_id=f"{each}", id=f"{each}") for each in nameless]
    known = [replace(each, numbers=(("moodle", f"{place}"),)) for place, each in enumerate(known)]
    assert [*warns(gradebook_with(*known))] == []
    assert [*warns(gradebook_with(*known, nameless[0]))] == [f"1 person has no {what}, so {otherwise}: Person 0"]
    without_grade = replace(gradebook_with(*nameless), entries=(Entry(person=nameless[0]),))
    assert [*warns(without_grade)] == []


@pytest.mark.parametrize("name", [name for name in LACKING if name != "moodle_worksheet"])
def test_import_warns_of_people_whom_it_mixes_up(name: str) -> None:
    """Two people with the same key, no matter in which case, are named."""
    one = Person("Ada", "x@x.org", "1", sis_login_id="x")
    other = Person("Bob", "X@x.org", "2", sis_login_id="X")
    if name == "canvas":
        one, other = Person("Ada", group="1"), Person("Ada", group="2")
    (*_, warning) = find("whole_class", name).warns(gradebook_with(one, other))
    what = {"canvas": "name Ada", "moodle": "e-mail address x@x.org", "teams": "e-mail address x@x.org"}
    known = {"nbgrader": "student_id x"} | what
    assert warning == f"2 people have the {known.get(name, 'user name x')}: {one}; {other}"


def test_warnings_are_printed_and_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An export prints its warnings to standard error, a line each, and writes the file."""
    file = tmp_path / "teams.csv"
    report.export(gradebook_with(Person("Ada\n\x1b[2J")), {"teams": str(file)})
    said = capsys.readouterr()
    lacking = "1 person has no e-mail address, so their rows have nothing but the name"
    assert said.err == f"{file}: {lacking}: Ada\\n\\x1b[2J\n"
    assert said.out == "" and file.read_text("utf-8").count("\n") > 1
