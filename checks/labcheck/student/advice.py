"""What helps with a requirement: its hints, and the section of the lab sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labcheck.errors import SuiteError, UsageError
from labcheck.judging.catalogue import read_suite
from labcheck.student import state
from labcheck.workbook.labs import shown
from labcheck.workbook.withheld import last_hint

if TYPE_CHECKING:
    from labcheck.workbook.labs import Lab


@dataclass(frozen=True)
class Hint:
    """One of the `of` hints for a requirement, and its number, counted from 1. `title` is the requirement's.

    `is_withheld`: the course keeps the hint to itself, and the text says whom to ask.
    """

    title: str
    number: int
    of: int
    text: str
    is_withheld: bool = False

    def afterwards(self, step: int) -> str:
        """Return in words what is left after this hint; `step` is the step of the requirement."""
        left = self.of - self.number
        if left:
            return f"{left} more {'hint' if left == 1 else 'hints'}: repeat the command."
        return f"This was the last hint. The lab sheet explains the requirement in step {step}."


def next_hint(lab: Lab, id: str) -> Hint:
    """Return the hint after the one that was shown last; after the last one, the first."""
    checks = [check for check in read_suite(lab) if check.id == id]
    hints = list(dict.fromkeys(hint for check in checks for hint in check.hints))  # two checks may share them
    withheld = last_hint()
    hints += withheld
    if not hints:
        where = shown(lab.suite)
        raise SuiteError(
            f"{where}: the check of {id} has no hints" if checks else f"{where}: there is no check of {id}"
        )
    place = state.next_hint(lab.name, id, len(hints))
    return Hint(checks[0].title, place + 1, len(hints), hints[place], hints[place] in withheld)


def sheet(lab: Lab, step: str | None = None) -> str:
    """Return the text of the lab sheet, or of the section for a step. Raises UsageError if there is no such step."""
    if step is None:
        return (lab.starter / "README.md").read_text("utf-8")
    found = next((each for each in lab.steps if str(each.number) == step), None)
    if found is None:
        raise UsageError(f"the sheet of {lab.name} has no step {step}; steps: 1 to {len(lab.steps)}")
    return lab.sheet(found)
