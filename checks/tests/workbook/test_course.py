"""A course of one's own: its labs, with programs of kinds that labcheck's own labs do not have."""

from __future__ import annotations

import csv
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS
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


@pytest.mark.sample(1)
@pytest.mark.parametrize("lab", ["clock", "board"])
def test_lab_is_consistent(lab: str, labcheck: Callable[..., Result], tmp_path: Path) -> None:
    """Its wrong variants fail what they break: lines, JSON, requests that wait, refused handshakes."""
    found = labcheck("verify", lab, "--course", SMALL, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert re.fullmatch(rf"{lab}: \d+ requirements, \d+ wrong variants: consistent", found.out.splitlines()[-1]), found
    assert found.status == 0


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
