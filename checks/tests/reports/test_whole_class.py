"""The tables of a class: they say what the records say, for names in any script."""

from __future__ import annotations

import csv
import io
import json
import os
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import CHECKOUT, record_of
from labcheck.errors import UsageError
from labcheck.platforms.formats import find, formats
from labcheck.record.gradebook import Asked, Entry, Gradebook
from labcheck.record.people import Person
from labcheck.record.record import Outcome, RequirementResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Result

    Grades = dict[str, tuple[float, float]]  # by e-mail: score and possible points

# Anything that can occur in a name; \n is what a spreadsheet makes of Alt+Enter.
NAMES = st.text(st.one_of(st.characters(exclude_categories=["C"]), st.sampled_from("\n,;\"'=+-@ \u200c")), max_size=12)
ANYTHING = st.text(max_size=12)
FORMULAS = st.builds("{}{}".format, st.sampled_from(["=", " +", "-1", "@", "\t=", "\r="]), NAMES)
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # including the full-width forms
PLATFORMS = ("blackboard", "brightspace", "canvas", "moodle", "moodle_worksheet", "nbgrader", "teams")
TABLES = ("csv", *PLATFORMS)


@st.composite
def gradebooks(draw: st.DrawFn, texts: st.SearchStrategy[str] = NAMES) -> Gradebook:
    """Make classes with a roster: some people have submitted, some of that was graded, with any outcomes and texts."""
    asked = [Asked(f"1.{number}", draw(texts), draw(st.integers(0, 3))) for number in range(1, draw(st.integers(2, 4)))]
    entries = []
    for number in range(draw(st.integers(0, 4))):
        who = draw(texts), f"{number}@example.org", draw(texts), draw(texts), draw(texts), "", draw(texts)
        person = Person(*who, numbers=(("canvas", str(number)), ("moodle", str(number))))
        record = None
        if draw(st.booleans()):
            outcomes = [draw(st.sampled_from(list(Outcome))) for _ in asked]
            record = record_of(
                [
                    RequirementResult(
                        *(each.id, each.title, outcome, each.points, each.points * (outcome is Outcome.PASSED)),
                        reason=draw(texts),
                        expected=draw(texts),
                        received=draw(texts),
                    )
                    for each, outcome in zip(asked, outcomes, strict=True)
                ]
            )
        submission = draw(texts) or "work" if record else draw(st.sampled_from(["", "work"]))
        entries.append(Entry(submission, str(number), person, draw(texts), record))
    return Gradebook("lab1", "Title", tuple(asked), tuple(entries), with_people=True, heading="Lab 1 (4711)")


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def in_csv(text: str, _: Gradebook) -> Grades:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return {row["e-mail"]: (float(row["score"]), float(row["max"])) for row in rows if row["score"]}


def in_json(text: str, _: Gradebook) -> Grades:
    students = json.loads(text)["students"]
    return {each["email"]: (each["score"], each["max_score"]) for each in students if each["score"] is not None}


def in_moodle(text: str, gradebook: Gradebook) -> Grades:
    """As a teacher maps it: a column with the identity, the grade, its feedback; an empty cell would erase a grade."""
    header, *rows = rows_of(text)
    who, grade, feedback = (header.index(name) for name in ("Email address", "Lab 1 (4711)", "Lab 1 (4711) feedback"))
    assert all(row[feedback] and row[grade] for row in rows)
    return {row[who]: (float(row[grade]), gradebook.max_score) for row in rows}


def in_worksheet(text: str, _: Gradebook) -> Grades:
    """As Moodle finds the student by the number behind `Participant ` (mod/assign/feedback/offline)."""
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return {
        f"{row['Identifier'].removeprefix('Participant ')}@example.org": (
            float(row["Grade"]),
            float(row["Maximum Grade"]),
        )
        for row in rows
    }


def in_order(text: str, gradebook: Gradebook, column: str) -> Grades:
    """As a table that has exactly the people with a grade, in the order of the class."""
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    emails = [entry.person.email for entry in gradebook.entries if entry.person and entry.score is not None]
    return {email: (float(row[column]), gradebook.max_score) for email, row in zip(emails, rows, strict=True)}


def in_canvas(text: str, gradebook: Gradebook) -> Grades:
    """As Canvas imports it (instructure/canvas-lms, lib/gradebook_importer.rb)."""
    header, points, *rows = rows_of(text)
    assert header[:2] == ["Student", "ID"]
    assert len(header) > 3
    students = max(place for place, name in enumerate(header) if "Section" in name)
    assert header[2:students] in ([], ["SIS User ID", "SIS Login ID"])
    assert header[students + 1 :] == ["Lab 1 (4711)"]
    assert "Points Possible" in points[0]
    assert all(len(row) == len(header) for row in [points, *rows])
    emails = [entry.person.email for entry in gradebook.entries if entry.person and entry.score is not None]
    grades = zip(emails, rows, strict=True)
    return {email: (float(row[-1]), float(points[-1])) for email, row in grades}


def in_junit(text: str, gradebook: Gradebook) -> Grades:
    grades = {}
    suites = ET.fromstring(text).findall("testsuite")
    for entry, suite in zip(gradebook.entries, suites, strict=True):
        known = {each.get("name"): each.get("value") for each in suite.iter("property")}
        if entry.person is not None and "score" in known and "provisional" not in known:
            grades[entry.person.email] = float(known["score"] or ""), float(known["max_score"] or "")
    return grades


READERS: dict[str, Callable[[str, Gradebook], Grades]] = {
    "blackboard": lambda text, gradebook: in_order(text, gradebook, "Lab 1 (4711)"),
    "brightspace": lambda text, gradebook: in_order(text, gradebook, "Lab 1 Points Grade"),
    "nbgrader": lambda text, gradebook: in_order(text, gradebook, "score"),
    "teams": lambda text, gradebook: in_order(text, gradebook, "Lab 1 (4711)"),
    "moodle_worksheet": in_worksheet,
    "csv": in_csv,
    "json": in_json,
    "moodle": in_moodle,
    "canvas": in_canvas,
    "junit": in_junit,
}


def test_every_format_of_a_class_is_read_here() -> None:
    """This test fails for a new format until its totals are compared as well."""
    assert set(READERS) == {each.name for each in formats("whole_class")}


@given(gradebooks(st.one_of(NAMES, ANYTHING)))
def test_totals_are_equal_in_all_formats(gradebook: Gradebook) -> None:
    """All formats give everyone the same score and maximum; without a record, and after an error, there is no score."""
    expected = {
        entry.person.email: (entry.record.score, gradebook.max_score)
        for entry in gradebook.entries
        if entry.record is not None and entry.person is not None and not entry.record.open
    }
    for name, reader in READERS.items():
        text = find("whole_class", name).render(gradebook)
        text.encode()
        assert reader(text, gradebook) == expected, name


@given(gradebooks())
def test_names_arrive_as_they_are(gradebook: Gradebook) -> None:
    """Names with commas, quotes, line breaks and any script are read back; only a formula gets a character in front."""
    people = [entry.person for entry in gradebook.entries if entry.person]
    for format, graded_only in (("csv", False), ("canvas", True), ("moodle", True)):
        rows = rows_of(find("whole_class", format).render(gradebook))[2 if format == "canvas" else 1 :]
        expected = [
            f"'{person.name}" if person.name.strip().startswith(FORMULA) else person.name
            for person, entry in zip(people, gradebook.entries, strict=True)
            if entry.score is not None or not graded_only
        ]
        assert [row[0] for row in rows] == expected
    names = [each["name"] for each in json.loads(find("whole_class", "json").render(gradebook))["students"]]
    assert names == [entry.name for entry in gradebook.entries]


@given(
    gradebooks(
        st.one_of(ANYTHING, st.builds("{}{}".format, st.sampled_from(["=", " +", "-1", "@", "\t=", "\r="]), NAMES))
    )
)
def test_no_cell_is_a_formula_or_a_command(gradebook: Gradebook) -> None:
    """A spreadsheet and a terminal show any text in a name or from a program, and never execute it."""
    for name in TABLES:
        text = find("whole_class", name).render(gradebook)
        for row in rows_of(text):
            for cell in row:
                assert not cell.lstrip().startswith(FORMULA)
                assert all(char == "\n" or ord(char) >= 0x20 for char in cell)
                assert not set(cell) & set("\x7f\x9b\u202e\u2066")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_platform_needs_people(platform: str) -> None:
    """Without a roster no grade is written for a course's gradebook; the error names the option for a roster."""
    gradebook = Gradebook("lab1", "Title", (Asked("1.1", "It works."),), (Entry("ada", "key"),))
    with pytest.raises(UsageError, match="--roster CSV"):
        find("whole_class", platform).render(gradebook)


ROSTER = """\
Student,ID,SIS User ID,SIS Login ID,Section
"Lovelace, Ada",11,s1,ada,"A"
"=Bobby ""Tables"", Jr.",12,s2,bob,"B, late"
Éva Đặng 三,13,s3,eva,A
"""
PROGRAMS = {"ada": "import sys; sys.exit('closed')", "bob": "print('hello')"}


@pytest.fixture
def graded(labcheck: Callable[..., Result], tmp_path: Path) -> Path:
    """Return the folder with the results of a class of three: one right, two wrong, one of them not on the roster."""
    place, out = tmp_path / "class", tmp_path / "out"
    for name, text in {**PROGRAMS, "mallory": "'<b>'"}.items():
        (place / name).mkdir(parents=True)
        (place / name / "webserver.py").write_text(text)
    (place / "ada" / "webserver.py").write_text((CHECKOUT / "solutions" / "lab1" / "webserver.py").read_text("utf-8"))
    (tmp_path / "class.csv").write_text(ROSTER, "utf-8")
    words = ("grade", "lab1", place, "--out", out, "--roster", tmp_path / "class.csv", "--column", "Lab 1 (4711)")
    result = labcheck(*words, "--canvas", tmp_path / "canvas.csv")
    assert result.status == 1  # mallory is not on the roster
    assert "mallory: matches nobody" in result.out
    return out


@pytest.mark.skipif(os.name != "posix", reason="classes are graded on Linux and macOS")
@pytest.mark.usefixtures("protection")
def test_exports_of_a_graded_class(labcheck: Callable[..., Result], graded: Path, tmp_path: Path) -> None:
    """`report` writes the files that `grade` has written again, without the submissions; and other formats."""
    canvas = (tmp_path / "canvas.csv").read_text("utf-8")
    assert [row[-1] for row in rows_of(canvas)] == ["Lab 1 (4711)", "29", "29", "0"]
    assert rows_of(canvas)[3] == ['\'=Bobby "Tables", Jr.', "12", "s2", "bob", "B, late", "0"]
    again = labcheck("report", graded, "--canvas", "-", "--column", "Lab 1 (4711)")
    assert again.out == canvas
    moodle = rows_of(labcheck("report", graded, "--moodle", "-").out)
    assert [(row[3], row[4]) for row in moodle[1:]] == [("ada", "29"), ("bob", "0")]
    assert "1.1 failed" in moodle[2][5]
    students = json.loads(labcheck("report", graded, "--json", "-").out)["students"]
    assert [(each["name"], each["score"]) for each in students] == [
        *(("Lovelace, Ada", 29), ('=Bobby "Tables", Jr.', 0), ("Éva Đặng 三", None), ("mallory", 0))
    ]
    written = {name: (graded / name).read_bytes() for name in ("grades.csv", "class.html")}
    for name in written:
        (graded / name).unlink()
    assert labcheck("report", graded).status == 0
    assert {name: (graded / name).read_bytes() for name in written} == written


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report", "nowhere"), "there is no nowhere/class.json"),
        (("report", ".", "--canvas", "-"), "there is no class.json"),
        (("report", ".", "--canvas", "no/such/folder.csv"), "its folder does not exist"),
        (("report", ".", "--canvas", "-", "--csv", "-"), "only one report can go to standard output"),
        (("report", ".", "--gradebook", "x"), "--gradebook"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_wrong_use_is_one_line(words: tuple[str, ...], said: str, labcheck: Callable[..., Result]) -> None:
    """A wrong use of `report` gives an error in one line, and writes nothing."""
    result = labcheck(*words)
    assert result.status == 2
    assert said in result.err
    assert result.err.count("\n") == 1
