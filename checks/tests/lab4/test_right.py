"""Programs that fulfill lab 4's spec get full marks, no matter how they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS, Result, not_passed, programs
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAB = load_lab("lab4")
RIGHT = {name: programs((TESTS / "lab4" / "right" / name).glob("*.py")) for name in ("books", "fetch")}


def assert_full_marks(name: str, labcheck: Callable[..., Result], folder: Path) -> None:
    """Check that one program of a submission passes all its steps."""
    steps = [str(step.number) for step in LAB.steps if step.program == name]
    result = labcheck("lab4", folder, "--only", ",".join(steps), "--json", "-")
    assert not_passed(result.record) == {}
    assert result.status == 0


@pytest.mark.sample(3)
@pytest.mark.parametrize("program", RIGHT["books"])
def test_right_service_gets_full_marks(
    program: Path, labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """A right service passes, no matter how it is written."""
    assert_full_marks("books", labcheck, with_program("lab4", "books", program))


@pytest.mark.sample(3)
@pytest.mark.parametrize("program", RIGHT["fetch"])
def test_right_client_gets_full_marks(
    program: Path, labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """A right client passes, no matter how it is written."""
    assert_full_marks("fetch", labcheck, with_program("lab4", "fetch", program))


def test_each_program_is_written_in_several_ways() -> None:
    """There are at least eight right services and five right clients."""
    assert len(RIGHT["books"]) >= 8
    assert len(RIGHT["fetch"]) >= 5


def test_solution_gets_full_marks(labcheck: Callable[..., Result]) -> None:
    """The reference solution passes."""
    result = labcheck("lab4", CHECKOUT / "solutions" / "lab4", "--json", "-")
    assert not_passed(result.record) == {}
    assert (result.record.score, result.record.max_score) == (30, 30)


@pytest.mark.sample(4)
@pytest.mark.parametrize("requirement", LAB.requirements)
def test_one_requirement_can_be_checked_alone(labcheck: Callable[..., Result], requirement: str) -> None:
    """`--only` checks one requirement, no matter which others would come before it."""
    result = labcheck("lab4", LAB.solution, "--only", requirement, "--json", "-")
    assert result.status == 0, not_passed(result.record)[requirement]
    assert result.record.selected == [requirement]


def test_files_of_a_submission_may_be_links(
    labcheck: Callable[..., Result], with_program: Callable[..., Path], tmp_path: Path
) -> None:
    """A books.json that leads elsewhere is not written through, and neither is a .fetch-cache."""
    folder = with_program("lab4", "fetch", LAB.solution / "fetch.py")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "books.json").write_bytes((folder / "books.json").read_bytes())
    (folder / "books.json").unlink()
    (folder / "books.json").symlink_to(outside / "books.json")
    (folder / ".fetch-cache").symlink_to(outside)
    before = (outside / "books.json").read_bytes()
    result = labcheck("lab4", folder, "--only", "1.1,5.6,5.7", "--json", "-")
    assert not_passed(result.record) == {}
    assert [each.name for each in outside.iterdir()] == ["books.json"]
    assert (outside / "books.json").read_bytes() == before
