"""The labs: their lab.toml, steps and requirements."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT
from labcheck.errors import SuiteError, UsageError
from labcheck.workbook import places
from labcheck.workbook.labs import lab_names, load_lab
from labcheck.workbook.nearest import nearest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workbook with a single lab, `tiny`."""
    shutil.copytree(CHECKOUT / "labs" / "lab1", tmp_path / "labs" / "tiny")
    monkeypatch.setattr(places, "root", lambda: tmp_path)
    return tmp_path


def test_labs_are_found_by_their_files(workbook: Path) -> None:
    """A folder with a lab.toml is a lab; its solution and its walkthrough are found beside it."""
    (workbook / "labs" / "none").mkdir()
    assert lab_names() == ["tiny"]
    lab = load_lab("tiny")
    assert (lab.starter, lab.solution) == (workbook / "labs" / "tiny", workbook / "solutions" / "tiny")
    assert lab.notebook is None
    (workbook / "notebooks").mkdir()
    (workbook / "notebooks" / "tiny.ipynb").touch()
    assert load_lab("tiny").notebook == workbook / "notebooks" / "tiny.ipynb"


@pytest.mark.parametrize("name", ["lab9", "../labs/lab1", "", "lab1/"])
def test_unknown_lab_is_an_error_that_lists_the_labs(name: str) -> None:
    """An unknown lab name is reported with the known ones, and never leads out of the labs folder."""
    with pytest.raises(UsageError, match=r"unknown lab .* Labs: lab1, lab2, lab3"):
        load_lab(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", ": not valid TOML: invalid value"),
        ("title = 'T'", ": missing key 'minutes'"),
        ("programs = 1\nsteps = 1", ": missing key 'title'"),
    ],
)
def test_invalid_lab_file_is_an_error_of_the_lab(workbook: Path, text: str, said: str) -> None:
    """An invalid lab.toml raises SuiteError with the name of the file."""
    (workbook / "labs" / "tiny" / "lab.toml").write_text(text)
    with pytest.raises(SuiteError, match=rf"labs/tiny/lab.toml{said}"):
        load_lab("tiny")


def test_points_are_in_the_lab_file(workbook: Path) -> None:
    """A requirement has the points of [points]; one that is not named has 1."""
    add_points(workbook, '"2.3" = 3\n"1.1" = 0')
    lab = load_lab("tiny")
    assert [lab.points_of(id) for id in ("2.3", "1.1", "1.2")] == [3, 0, 1]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('"2.33" = 2', "unknown requirement '2.33'; did you mean '2.3'"),
        ('"2.3" = 1.5', "the points of 2.3 are 1.5; expected a whole number"),
        ('"2.3" = -1', "the points of 2.3 are -1"),
        ('"2.3" = true', "the points of 2.3 are True"),
        ("2.3 = 2", 'put the id of a requirement in quotes, such as "2.3" = 2'),
    ],
)
def test_mistake_in_the_points_is_an_error_of_the_lab(workbook: Path, lines: str, said: str) -> None:
    """The author reads in one line what is wrong, and in which file."""
    add_points(workbook, lines)
    with pytest.raises(SuiteError, match=rf"labs/tiny/lab.toml:\d+: {said}"):
        load_lab("tiny")


def add_points(workbook: Path, lines: str) -> None:
    """Add a table of points to the lab's file."""
    with (workbook / "labs" / "tiny" / "lab.toml").open("a") as file:
        file.write(f"[points]\n{lines}\n")


def test_requirements_belong_to_steps_and_programs() -> None:
    """Each requirement has one step and one program; a program's first requirement is the one all others need."""
    lab = load_lab("lab2")
    assert lab.requirements == tuple(id for step in lab.steps for id in step.requirements)
    for id in lab.requirements:
        step = lab.step_of(id)
        assert id.startswith(f"{step.number}.")
        assert lab.program_of(id).name == step.program
        assert lab.first_of(id) == f"{step.number}.1"


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (["2.3"], ("2.3",)),
        (["2"], tuple(f"2.{n}" for n in range(1, 6))),
        (["2.3", "1.1", "2.3"], ("1.1", "2.3")),
        (["2.3,1.1"], ("1.1", "2.3")),
        (["1.3-2.2", "6.1 , 6.3"], ("1.3", "1.4", "2.1", "2.2", "6.1", "6.3")),
        (["5-6"], ("5.1", "5.2", "5.3", "5.4", "5.5", "6.1", "6.2", "6.3")),
        (["1.4-1"], ("1.4",)),
    ],
)
def test_only_is_steps_and_ids(wanted: list[str], ids: tuple[str, ...]) -> None:
    """--only accepts requirements and whole steps, and keeps the order of the spec."""
    assert load_lab("lab1").select(wanted) == ids


@pytest.mark.parametrize(
    ("wanted", "said"),
    [("9.9", "no requirement '9.9'"), ("1.1,", "no requirement ''"), ("2-", "no requirement ''"), ("3-2", "2 comes")],
)
def test_selection_that_makes_no_sense_is_refused(wanted: str, said: str) -> None:
    """One line says what was given, and what there is."""
    with pytest.raises(UsageError, match=said):
        load_lab("lab1").select([wanted])


def test_nearest_name_is_suggested() -> None:
    """A typo gets the closest known name; a name close to none gets no suggestion."""
    assert nearest("lab11", ["lab1", "grade"]) == " Did you mean 'lab1'?"
    assert nearest("GRADE", ["lab1", "grade"]) == " Did you mean 'grade'?"
    assert nearest("xyz", ["lab1", "grade"]) == ""
