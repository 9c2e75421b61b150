"""The context of one check, and the interface that views use to control the programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from labcheck.errors import Verdict
    from labcheck.program.program import Program
    from labcheck.protocols.deadline import Deadline
    from labcheck.protocols.draw import Draw, LocalTime
    from labcheck.protocols.started import Runs, Started
    from labcheck.record.transcript import Transcript


class Programs(Protocol):
    """What a view needs from the owner of the programs (`labcheck.judging.fleet`)."""

    never_asked: set[tuple[str, str]]  # pairs of a program and a prompt that it never showed

    def patience(self) -> float:
        """Return the number of seconds without a byte after which an answer no longer counts as `at once`."""
        ...

    def give_up(self, program: Program, verdict: Verdict) -> None:
        """Stop checking a program."""
        ...

    def start_again(self, started: Started, seconds: float) -> Started:
        """Start a program again on the same port. Raises NotReadyError if it does not listen within `seconds`."""
        ...

    def run(self, runs: Runs, folder: Path, arguments: Sequence[str]) -> Started:
        """Start a program once more, in one of the folders of its runs. Raises NotReadyError if that is impossible."""
        ...

    def left_behind(self) -> list[int]:
        """Return the processes that programs of this check have left behind when they ended (Linux)."""
        ...

    def end_left_behind(self) -> None:
        """End those processes."""
        ...


@dataclass
class Check:
    """The context of one check: its deadline, its transcript, its random values.

    `port` is the lab's usual port, used to start a program by hand. `slow` multiplies all deadlines. `greetings` are
    random values as well: a slow program needs more of them, and a separate source keeps the values in `draw` the same.
    `probe` is something that a working program serves, such as the path of a file, if the suite's material names it.
    """

    port: int
    slow: float
    deadline: Deadline
    transcript: Transcript
    draw: Draw
    greetings: Draw
    local_time: LocalTime
    programs: Programs
    probe: str = ""
