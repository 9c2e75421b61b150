"""A program that was started, as a check sees it: what all kinds have in common."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from labcheck.program.evidence import Complaint, Printed
from labcheck.program.output import TRACEBACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.protocols.check import Check
    from labcheck.protocols.deadline import Deadline
    from labcheck.protocols.started import Started


CONNECTED_WITHIN = 5.0  # seconds; a connection that the backlog turned away is tried again after 1 and 3


POLL = 0.005  # seconds between two looks


RESTS = 1.5  # seconds without doing anything, after which a program prints nothing more by itself


IDLE_WITHIN = 0.5  # seconds in which a server that has answered should have come to rest


class View:
    """A program that was started, as one check sees it: with that check's transcript and deadline."""

    def __init__(self, check: Check, started: Started) -> None:
        self.program = started.program
        self._check = check
        self._started = started

    @property
    def was_interrupted(self) -> bool:
        """Whether it was sent Ctrl+C."""
        return self.program.was_interrupted

    @property
    def patience(self) -> float:
        """Seconds after which an answer that has not begun is not `at once` any more."""
        return self._check.programs.patience()

    def expect_lines(self, *lines: str) -> None:
        """Look for lines on its standard output from now on."""
        for line in lines:
            self.program.stdout.expect_line(line)

    def prints(self, line: str, within: float | None = None) -> Printed:
        """Return its standard output, once it has printed a line that was expected, or the time is over."""
        seconds = self._limit.left() if within is None else within * self._check.slow
        stdout = self.program.stdout
        came = self._until(lambda: stdout.lines(line) > 0, seconds, gives_up_at_rest=True)
        return Printed(stdout.text(), {line} if came else set(), "the line")

    def come_to_rest(self) -> None:
        """Let it finish what it does, and print what it has to print."""
        self.program.activity.wait_until_idle(IDLE_WITHIN)

    def traceback(self) -> Complaint:
        """Return what its last traceback says, if it has printed one; to be asked when it has nothing to do."""
        self.come_to_rest()
        found = self.program.stderr.has(TRACEBACK)
        return self.program.diagnosis.explain(self.program.stderr.text()) if found else Complaint("")

    @property
    def _limit(self) -> Deadline:
        """The end of its patience, or of the check's time where that is earlier."""
        return self._check.deadline.at_most(self.patience)

    def _until(
        self,
        condition: Callable[[], object],
        seconds: float,
        *,
        always: bool = False,
        gives_up_at_rest: bool = False,
    ) -> bool:
        """Wait until a condition holds; not when the program has ended, unless told.

        `gives_up_at_rest`: and not when it has gone to rest, after which nothing more is printed.
        """
        limit = time.monotonic() + seconds
        self.program.activity.begin_rest()
        while not condition():
            rested = gives_up_at_rest and self.program.activity.has_rested(RESTS * max(1.0, self._check.slow))
            if rested or time.monotonic() > limit:
                return bool(condition())
            if self.program.has_exited and not always:
                # What it said last is still on its way.
                for stream in (self.program.stdout, self.program.stderr):
                    stream.catch_up()
                settled = time.monotonic() + 0.5
                while not condition() and self._may_bring_more() and time.monotonic() < settled:
                    time.sleep(POLL)
                return bool(condition())
            time.sleep(POLL)
        return True

    def _may_bring_more(self) -> bool:
        """Return whether something of it may still be on its way when it has ended, besides its output."""
        return False

    def _by_hand(self, then: str = "") -> None:
        """Say how to start the program by hand, and what to do then."""
        command = f"python {self.program.spec.file} {self._check.port}"
        self._check.transcript.by_hand = f"{command}   ({then})" if then else command


class ClientView(View, ABC):
    """A client that was started, as one check sees it."""

    @abstractmethod
    def begin(self) -> None:
        """Begin a check: what happens is kept in its transcript."""

    @abstractmethod
    def is_idle(self) -> bool:
        """Return whether it waits for its user, every exchange being over."""
