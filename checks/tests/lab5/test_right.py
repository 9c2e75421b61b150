"""Programs that fulfill lab 5's spec get full marks, no matter how they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS, Result, not_passed, programs
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAB = load_lab("lab5")
RIGHT = programs((TESTS / "lab5" / "right").glob("*.py"))


@pytest.mark.sample(3)
@pytest.mark.parametrize("program", RIGHT)
def test_right_program_gets_full_marks(
    program: Path, labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """A right program passes, no matter how it is written."""
    result = labcheck("lab5", with_program("lab5", "library", program), "--json", "-")
    assert not_passed(result.record) == {}
    assert result.status == 0


def test_the_program_is_written_in_several_ways() -> None:
    """There are at least twelve right programs."""
    assert len(RIGHT) >= 12


def test_solution_gets_full_marks(labcheck: Callable[..., Result]) -> None:
    """The reference solution passes."""
    result = labcheck("lab5", CHECKOUT / "solutions" / "lab5", "--json", "-")
    assert not_passed(result.record) == {}
    assert (result.record.score, result.record.max_score) == (21, 21)


@pytest.mark.sample(4)
@pytest.mark.parametrize("requirement", LAB.requirements)
def test_one_requirement_can_be_checked_alone(labcheck: Callable[..., Result], requirement: str) -> None:
    """`--only` checks one requirement, no matter which others would come before it."""
    result = labcheck("lab5", LAB.solution, "--only", requirement, "--json", "-")
    assert result.status == 0, not_passed(result.record)[requirement]
    assert result.record.selected == [requirement]


def test_the_log_of_a_submission_may_be_a_link(
    labcheck: Callable[..., Result], with_program: Callable[..., Path], tmp_path: Path
) -> None:
    """labcheck replaces an access.log that leads elsewhere, and does not write through it."""
    folder = with_program("lab5", "library", LAB.solution / "library.py")
    outside = tmp_path / "mine.log"
    outside.write_bytes((folder / "access.log").read_bytes())
    (folder / "access.log").unlink()
    (folder / "access.log").symlink_to(outside)
    before = outside.read_bytes()
    result = labcheck("lab5", folder, "--only", "1.1,1.6", "--json", "-")
    assert not_passed(result.record) == {}
    assert outside.read_bytes() == before
