"""The right answer beside a wrong one: the solution's exchange, for failed checks, and only where it may be shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT
from labcheck.isolated.beside import add_right_answers
from labcheck.judging.judge import judge
from labcheck.judging.options import Options
from labcheck.record.deciding import counterpart, deciding
from labcheck.record.record import Record
from labcheck.reports.diagram import draw
from labcheck.reports.wording import message
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Result

LAB = load_lab("lab1")
OPTIONS = Options(1, only=("1.1", "2.1", "2.2", "4.1"))


def starter() -> Record:
    return judge(LAB, LAB.starter, OPTIONS).record


def test_failed_checks_get_what_the_solution_does() -> None:
    """The same request, with the same random path, gets the right answer; a check that passes needs none."""
    record = starter()
    add_right_answers(record, LAB, OPTIONS)
    assert not record.requirement("1.1").beside
    for id, status in (("2.1", "200 OK"), ("4.1", "404 Not Found")):
        found = record.requirement(id)
        decided, right = deciding(found), counterpart(found)
        assert decided is not None and right is not None
        asked = [message(events[place - 1]).partition("\r\n")[0] for events, place in (
            (found.transcript, decided), (found.beside, right),
        )]  # fmt: skip
        assert asked[0] == asked[1]
        assert message(found.beside[right]).startswith(f"HTTP/1.0 {status}")
    assert Record.from_json(record.to_json()) == record


def test_nothing_is_shown_of_a_hidden_check() -> None:
    """What a right program does in an instructor's hidden check would reveal it."""
    record = starter()
    record.requirement("2.1").hidden = True
    add_right_answers(record, LAB, OPTIONS)
    assert not record.requirement("2.1").beside
    assert record.requirement("2.2").beside


def test_lab_without_a_solution_shows_none(tmp_path: Path) -> None:
    """A course that keeps its solutions back has nothing to show."""
    record = starter()
    add_right_answers(record, replace(LAB, solution=tmp_path), OPTIONS)
    assert not any(each.beside for each in record.requirements)


@pytest.mark.parametrize(
    ("words", "is_shown"),
    [
        (["--html", "page.html"], True),
        (["--beside"], True),
        ([], False),
        (["--html", "page.html", "--sandbox", "limits"], False),
    ],
    ids=["a page", "--beside", "neither", "a page of a protected run"],
)
def test_right_answers_are_for_the_student(
    labcheck: Callable[..., Result], tmp_path: Path, words: list[str], is_shown: bool, open_python: str
) -> None:
    """They are in a page, and in the terminal only if asked for, but not in what a platform or an instructor makes."""
    words = [str(tmp_path / word) if word.endswith(".html") else word for word in words]
    file = tmp_path / "record.json"
    result = labcheck(
        "lab1",
        CHECKOUT / "labs" / "lab1",
        "--only",
        "2.1",
        "--seed",
        1,
        "--json",
        file,
        *words,
        "--python",
        open_python,
    )
    assert ("               right      HTTP/1.0 200 OK\n" in result.out) == ("--beside" in words)
    assert bool(Record.from_json(file.read_text("utf-8")).requirement("2.1").beside) == is_shown
    if "--html" in words:
        page = (tmp_path / "page.html").read_text("utf-8")
        assert ("What a right program does in this check" in page) == is_shown
        assert ('class="right"' in page) == is_shown


def test_line_that_was_not_printed() -> None:
    """The line that the solution prints is right, in the lane of a server; each step says whose program is a client."""
    lab = load_lab("lab2")
    options = Options(1, only=("1.4",))
    record = judge(lab, lab.starter, options).record
    add_right_answers(record, lab, options)
    found = record.requirement("1.4")
    place = counterpart(found)
    assert place is not None
    assert message(found.beside[place]).startswith("From client: ")
    assert repr(message(found.beside[place])) in found.expected
    assert draw(found.beside, place, program="a right program").words.endswith(": client, a right program")
    assert [step.is_client for step in record.steps] == [False, True, False, True]
