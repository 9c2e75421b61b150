"""Programs that fulfill lab 3's spec, each written in a different way, get full marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS, Result, not_passed
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAB = load_lab("lab3")
RIGHT = sorted((TESTS / "lab3" / "right" / "ticker").glob("*.py"))


@pytest.mark.sample(3)
@pytest.mark.parametrize("program", RIGHT, ids=lambda path: path.stem)
def test_right_program_gets_full_marks(
    program: Path, labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """A right program passes everything, no matter how it is written."""
    result = labcheck("lab3", with_program("lab3", "ticker", program), "--json", "-")
    assert not_passed(result.record) == {}
    assert result.status == 0


def test_it_is_written_in_several_ways() -> None:
    """There are at least eight right programs."""
    assert len(RIGHT) >= 8


def test_solution_gets_full_marks(labcheck: Callable[..., Result]) -> None:
    """The reference solution passes. What takes 12 seconds goes on beside the other checks."""
    result = labcheck("lab3", CHECKOUT / "solutions" / "lab3", "--json", "-")
    assert not_passed(result.record) == {}
    assert (result.record.score, result.record.max_score) == (23, 23)
    took = {each.id: each.seconds for each in result.record.requirements}
    assert sum(took.values()) < 13.5 + 10  # the wait, and the start of the programs on a slow machine
    assert took["3.3"] < 13.5


@pytest.mark.sample(3)
@pytest.mark.parametrize("requirement", [id for step in LAB.steps for id in step.requirements[::3]])
def test_one_requirement_can_be_checked_alone(labcheck: Callable[..., Result], requirement: str) -> None:
    """`--only` checks one requirement, no matter which others would come before it."""
    result = labcheck("lab3", CHECKOUT / "solutions" / "lab3", "--only", requirement, "--json", "-")
    assert result.status == 0, not_passed(result.record)[requirement]
    assert result.record.selected == [requirement]


def test_seed_repeats_every_random_value(labcheck: Callable[..., Result]) -> None:
    """Two runs with the same seed publish the same prices, also those that are published before a check's turn."""

    def sent(seed: int) -> list[str]:
        record = labcheck("lab3", LAB.solution, "--only", "3.3", "--seed", seed, "--json", "-").record
        return [each["data"] for each in record.requirement("3.3").transcript if each["kind"] == "sent"]

    def texts(seed: int) -> list[str]:
        return [data for data in sent(seed) if data.startswith("{")]

    assert texts(7) == texts(7) != texts(8)
