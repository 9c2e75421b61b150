"""A course of one's own: its labs, with programs of kinds that labcheck's own labs do not have."""

from __future__ import annotations

import csv
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS, failed
from labcheck.errors import SuiteError, UsageError
from labcheck.judging.catalogue import digest_of
from labcheck.sandbox import visible
from labcheck.workbook.labs import lab_names, load_lab
from labcheck.workbook.places import COURSE, course

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Result

SMALL = TESTS / "courses" / "small"
# Changes to a solution: the lab, the program, the text and its replacement, and what must fail.
WRONG = {
    "another greeting": ("clock", "clock", 'f"? {text}"', '"?"', ["1.2"]),
    "no line end": ("clock", "clock", 'f"{answer}\\n"', 'f"{answer}"', ["1.1"]),
    "one client at a time": ("clock", "clock", "socketserver.Threading", "socketserver.", ["1.3"]),
    "does not send the end of a line": ("clock", "asker", "question, file", 'question, end="", file', ["2.1"]),
    "another line": ("clock", "asker", '"Answer:",', '"Answer",', ["2.2"]),
    "an exception at the end": ("clock", "asker", "except EOFError", "except OSError", ["2.3"]),
    "text for a number": ("board", "board", '{"number": len(notes)}', '{"number": str(len(notes))}', ["1.2"]),
    "does not wait": ("board", "board", "await more.wait_for(lambda: len(notes) > number)", "number = 0", ["1.3"]),
    "takes every path": ("board", "board", 'None if request.path == "/add" else', "None if True else", ["1.4"]),
}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the small course, which is the current one."""
    folder = tmp_path / "small"
    shutil.copytree(SMALL, folder)
    monkeypatch.setenv(COURSE, str(folder))
    return folder


@pytest.mark.parametrize("lab", ["clock", "board"])
def test_solution_gets_full_marks(lab: str, labcheck: Callable[..., Result]) -> None:
    """The labs of a course are checked as labcheck's own are, with the option before or after their name."""
    assert labcheck("--course", SMALL, lab, SMALL / "solutions" / lab).status == 0
    assert labcheck(lab, f"--course={SMALL}", SMALL / "labs" / lab).status == 1


@pytest.mark.parametrize("name", WRONG)
def test_wrong_program_fails_what_it_breaks(name: str, labcheck: Callable[..., Result], tmp_path: Path) -> None:
    """Each kind of program has the means to tell it: lines, JSON, requests that wait, refused handshakes."""
    lab, program, old, new, wanted = WRONG[name]
    folder = tmp_path / "wrong"
    shutil.copytree(SMALL / "solutions" / lab, folder)
    file = folder / f"{program}.py"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    record = labcheck(lab, folder, "--json", "-", **{COURSE: str(SMALL)}).record
    assert failed(record) == wanted


def test_report_shows_the_visitor_who_waits(labcheck: Callable[..., Result]) -> None:
    """The exchange that decided is that of the request that should have waited, and so is the command by hand."""
    found = labcheck("board", SMALL / "labs" / "board", "--course", SMALL)
    assert "expected   no answer yet: the request waits" in found.out
    assert "curl -i http://localhost:8102/next" in found.out


def test_report_says_what_is_missing_of_a_line(labcheck: Callable[..., Result]) -> None:
    """A client that forgets the end of its line reads so, with what arrived."""
    found = labcheck("clock", SMALL / "labs" / "clock", "--only", "2.1", "--course", SMALL)
    said = " ".join(found.out.split())
    assert re.search(r"received no line came, .*; the server got \d+ bytes, no line end: \"\w+ é\"", said), said


def test_list_says_whose_a_lab_is(labcheck: Callable[..., Result], small: Path) -> None:
    """A lab of the course replaces labcheck's lab of the same name."""
    shutil.copytree(CHECKOUT / "labs" / "lab1", small / "labs" / "lab1")
    listed = labcheck("list", **{COURSE: str(small)}).out.splitlines()
    found = [line for line in listed if not line.startswith(" ")]
    assert [line.split()[0] for line in found] == ["board", "clock", "lab1", "lab2", "lab3", "lab4", "lab5"]
    assert [line.endswith("(A small course)") for line in found] == [True, True, True, False, False, False, False]
    assert load_lab("lab1").starter == small / "labs" / "lab1"


def test_class_is_graded(labcheck: Callable[..., Result], tmp_path: Path) -> None:
    """The processes that grade a class know the course as well."""
    for name, source in (("ann", SMALL / "solutions" / "clock"), ("bob", SMALL / "labs" / "clock")):
        shutil.copytree(source, tmp_path / "class" / name)
    words = ("grade", "clock", tmp_path / "class", "--out", tmp_path / "out", "--sandbox", "none")
    assert labcheck(*words, "--course", SMALL).status == 0
    with (tmp_path / "out" / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {row["student"]: row["score"] for row in csv.DictReader(file)} == {"ann": "6", "bob": "0"}


def test_programs_do_not_see_the_course(small: Path) -> None:
    """Its suites and solutions are hidden from the programs of students."""
    import sys

    secret = visible.hidden(sys.executable)
    for name in ("labs", "solutions", "suites"):
        assert visible.is_hidden(visible.real(small / name), secret)


def test_helpers_of_a_suite_decide_a_grade(small: Path) -> None:
    """If a module that the checks import changes, a class is graded again."""
    before = digest_of(load_lab("clock"))
    (small / "suites" / "clock" / "times.py").write_text("def is_time(text):\n    return True\n")
    assert digest_of(load_lab("clock")) != before
    before = digest_of(load_lab("clock"))
    (small / "suites" / "common.py").write_text("SECONDS = 3\n")
    assert digest_of(load_lab("clock")) != before


def test_no_course_is_found_by_looking_around(labcheck: Callable[..., Result]) -> None:
    """A student's repository must not bring its own suites: only the option and the variable name a course."""
    assert labcheck("clock", cwd=SMALL).status == 2
    assert labcheck("clock", cwd=SMALL, **{COURSE: ""}).status == 2


def test_folder_that_is_no_course(labcheck: Callable[..., Result], tmp_path: Path) -> None:
    """The error says what a course needs."""
    found = labcheck("list", "--course", tmp_path)
    assert (found.status, found.out) == (2, "")
    assert "has no folder labs" in found.err
    assert labcheck("list", "--course").status == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("titel = 'A'", "unknown key 'titel'; known: title, feedback"),
        ("title = 3", "title is 3"),
        ("title =", "cannot be read"),
        ("feedback = 3", "feedback is 3; expected a link"),
        ("feedback = false", "feedback is False"),
        ("feedback = 'networks.example'", "expected a link with http, https or mailto"),
        ("feedback = 'javascript:alert(1)'", "expected a link"),
        ("feedback = 'https:///form'", "expected a link"),
        ("feedback = 'https://a.example/ form'", "expected a link"),
        ('feedback = "https://a.example/\\u001b[31m"', "expected a link"),
        ('feedback = "https://a.example/\\n"', "expected a link"),
        ("feedback = 'mailto:nobody'", "expected a link"),
    ],
)
def test_settings_of_a_course_are_checked(text: str, words: str, small: Path) -> None:
    """The error names the file and the mistake in it."""
    (small / "labcheck.toml").write_text(text)
    with pytest.raises(SuiteError, match=words):
        course()


@pytest.mark.parametrize("link", ["https://a.example/form?x=1", "HTTP://a.example", "mailto:a@b.example?subject=labs"])
def test_course_may_ask_for_feedback(link: str, small: Path) -> None:
    """The link is that of the course's labs; labcheck's own labs ask for nothing."""
    (small / "labcheck.toml").write_text(f"feedback = '{link}'")
    assert load_lab("clock").place.feedback == link
    assert load_lab("clock").place.title == "small"
    assert load_lab("lab1").place.feedback == ""


def test_course_without_settings_has_the_name_of_its_folder(small: Path) -> None:
    """labcheck.toml is optional."""
    (small / "labcheck.toml").unlink()
    found = course()
    assert found is not None
    assert found.title == "small"
    assert lab_names() == ["board", "clock", "lab1", "lab2", "lab3", "lab4", "lab5"]
    with pytest.raises(UsageError, match="Labs: board, clock, lab1, lab2, lab3, lab4, lab5"):
        load_lab("clokc_")
