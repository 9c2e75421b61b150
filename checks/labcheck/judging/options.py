"""How to judge: the options that a student, an instructor and a grading in a process of its own have in common."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How to judge. `budget` is in seconds, for the whole submission; `slow` multiplies all deadlines.

    `seed` None: it follows from the work, where a class is graded, and is drawn where one submission is. `python` is
    the interpreter of the programs; empty: the one that judges. `protection` is the name of a protection, or `auto` for
    the best that there is. `whole` says whether the record holds the transcripts of what has passed, too, which are
    most of it.
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
