"""Programs that flood their clients, answer without end or start many processes get a verdict in bounded time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS, Result, failed, not_passed
from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOSTILE = TESTS / "lab3" / "hostile"
pytestmark = pytest.mark.usefixtures("nothing_is_left")

# A requirement that must not pass ("" if all may), words of the reason, and what must pass.
VERDICTS = {
    "quotes_without_end": ("4.2", "", {"1.2", "2.1", "3.2", "3.5"}),
    "large_quotes_without_end": ("4.2", "", {"1.2", "2.1", "3.2", "3.5"}),
    "answers_without_end": ("1.1", "does not end", set()),
    "interim_answers_without_end": ("3.2", "102 Processing", {"1.2", "2.1", "2.4", "4.1", "4.2"}),
    "drips_its_answers": ("1.1", "the time limit of", set()),
    "publishes_by_itself": ("1.3", "", {"1.1", "2.2"}),
    "process_for_each_request": ("", "", {"1.5", "3.2", "3.3", "3.4", "3.5", "3.6"}),
}


def test_every_hostile_program_has_its_verdict() -> None:
    """Each file is in the table."""
    assert {path.stem for path in HOSTILE.glob("*.py")} == set(VERDICTS)


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", VERDICTS)
def test_hostile_program_gets_its_verdict(
    name: str, labcheck: Callable[..., Result], with_program: Callable[..., Path], hurry: float
) -> None:
    """It fails where it breaks a rule, what is not affected passes, and it takes no longer than the budget."""
    if name == "process_for_each_request" and sys.platform == "win32":
        pytest.skip("Windows has no fork")
    wrong, words, must_pass = VERDICTS[name]
    source = (CHECKOUT / "solutions" / "lab3" / "ticker.py").read_text("utf-8")
    hostile = (HOSTILE / f"{name}.py").read_text("utf-8")
    folder = with_program("lab3", "ticker", source.replace("async def main(", f"{hostile}\n\nasync def main("))
    result = labcheck("lab3", folder, "--slow", hurry, "--json", "-")
    record = result.record
    assert not record.of(Outcome.ERROR), not_passed(record)
    assert not wrong or words in not_passed(record)[wrong]
    assert bool(failed(record)) is bool(wrong), not_passed(record)
    assert not must_pass & set(not_passed(record)), not_passed(record)
    assert result.seconds < 75
