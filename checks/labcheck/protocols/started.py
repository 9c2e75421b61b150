"""A program that was started, with what is known of it from one check to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from labcheck.protocols.manners import Manners

if TYPE_CHECKING:
    from labcheck.program.program import Program


class Role(Enum):
    """What a program that was started is for."""

    EARLY = auto()  # it was not asked for yet
    SHARED = auto()  # most checks of a program meet it
    OWN = auto()  # those checks meet it that end it, or may spoil it
    ONCE = auto()  # one check meets it, and it ends with that
    APART = auto()  # one check meets it
    GONE = auto()  # nobody meets it any more


@dataclass(eq=False)
class Started:
    """A program that was started, and what is known of it.

    `in_shared_copy` says whether it lives in the copy of the student's folder that has the suite's material.
    """

    program: Program
    role: Role
    in_shared_copy: bool
    manners: Manners = field(default_factory=Manners)
    who: str = ""  # its name in transcripts, where a check has several
    stderr_before: int = 0  # bytes on standard error when the current check began to use it

    @property
    def name(self) -> str:
        """The program's name in lab.toml."""
        return self.program.spec.name

    @property
    def has_spoken(self) -> bool:
        """Whether it has ever sent a whole answer, or a whole message."""
        return self.manners.answered

    @property
    def may_end(self) -> bool:
        """Whether it is no surprise that it has ended."""
        return self.program.was_interrupted

    def forget(self) -> None:
        """Drop what was prepared for it: no check meets it any more."""

    def stop(self) -> None:
        """End it."""
        self.program.kill()

    def close(self) -> None:
        """Let go of what it has held, after it was ended."""
        self.program.close()
