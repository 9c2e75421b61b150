"""How to check a submission: the options that students, instructors and isolated gradings share."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How to check a submission. `budget` is in seconds, for the whole submission; `slow` multiplies all deadlines.

    `seed` None: derived from the submission when a class is graded, otherwise drawn. `python` is the interpreter of the
    programs; empty: the one that runs labcheck. `protection` is the name of a protection, or `auto` for the best one
    available. `whole`: the record also holds the transcripts of requirements that pass, which are most of its size.
    """

    seed: int | None = None
    only: tuple[str, ...] = ()
    budget: float = 60.0
    slow: float = 1.0
    python: str = ""
    protection: str = "none"
    whole: bool = True

    @property
    def interpreter(self) -> str:
        """The interpreter of the programs."""
        return self.python or sys.executable
