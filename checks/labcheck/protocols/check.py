"""What one check has, and what the views of programs need to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from labcheck.errors import Verdict
    from labcheck.program.program import Program
    from labcheck.protocols.deadline import Deadline
    from labcheck.protocols.draw import Draw, LocalTime
    from labcheck.protocols.started import Started
    from labcheck.record.transcript import Transcript


class Programs(Protocol):
    """What a view asks of whoever has started the programs (`labcheck.judging.fleet`)."""

    never_asked: set[tuple[str, str]]  # programs, and prompts that they do not show

    def patience(self) -> float:
        """Return after how many seconds without a byte an answer is not `at once` any more."""
        ...

    def give_up(self, program: Program, verdict: Verdict) -> None:
        """Judge a program no longer."""
        ...

    def start_again(self, started: Started, seconds: float) -> Started:
        """Start a program again on the same port. Raises NotReadyError where it does not listen within so long."""
        ...


@dataclass
class Check:
    """What one check has: its time, its transcript, its random values.

    `port` is the lab's usual one, with which a program is started by hand; `slow` multiplies all deadlines.
    `greetings` are random values, too: a slow program needs more of them, and what the check draws stays the same.
    """

    port: int
    slow: float
    deadline: Deadline
    transcript: Transcript
    draw: Draw
    greetings: Draw
    local_time: LocalTime
    programs: Programs
