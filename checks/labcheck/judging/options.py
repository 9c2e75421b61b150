"""How to check a submission: the options that students, instructors and isolated gradings share."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labcheck.workbook.labs import Lab


@dataclass(frozen=True)
class Options:
    """How to check a submission. `budget` is in seconds, for the whole submission; `slow` multiplies all deadlines.

    `seed` None: derived from the submission when a class is graded, otherwise drawn. `python` is the interpreter of the
    programs; empty: the one that runs labcheck. `protection` is the name of a protection, or `auto` for the best one
    available. `whole`: the record also holds what a class does not need for each submission: the transcripts of
    requirements that pass, which are most of its size, hints for those that fail, and the steps of the lab sheet.
    `limits` multiplies the limits on the size of a submission.
    """

    seed: int | None = None
    only: tuple[str, ...] = ()
    budget: float = 60.0
    slow: float = 1.0
    python: str = ""
    protection: str = "none"
    whole: bool = True
    limits: float = 1.0

    def selected(self, lab: Lab) -> tuple[str, ...]:
        """Return the ids of the requirements to check: those in `only`, otherwise all. Raises UsageError."""
        return lab.select(self.only) if self.only else lab.requirements

    @property
    def interpreter(self) -> str:
        """The interpreter of the programs."""
        return self.python or sys.executable
