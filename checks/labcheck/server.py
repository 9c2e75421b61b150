"""The student's program, as a check sees it: what all have in common, and the HTTP server."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from labcheck.deadline import Trouble
from labcheck.evidence import Complaint, Printed
from labcheck.http import Client, HttpError
from labcheck.output import TRACEBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from labcheck.deadline import Deadline
    from labcheck.http import Answer, Connection
    from labcheck.program import Ending
    from labcheck.suite_run import Run, Started

CONNECTED_WITHIN = 5.0  # seconds; a connection that the backlog turned away is tried again after 1 and 3
PACE = 0.005  # seconds between two connections of many
POLL = 0.005  # seconds between two looks
RESTS = 1.5  # seconds without doing anything, after which a program prints nothing more by itself
IDLE_WITHIN = 0.5  # seconds in which a server that has answered should have come to rest


class Judged:
    """A program that was started, as one check sees it: with that check's transcript and deadline."""

    def __init__(self, run: Run, started: Started) -> None:
        self.program = started.program
        self._run = run
        self._started = started

    @property
    def was_interrupted(self) -> bool:
        """Whether it was sent Ctrl+C."""
        return self.program.was_interrupted

    @property
    def patience(self) -> float:
        """Seconds after which an answer that has not begun is not `at once` any more."""
        return self._run.patience()

    def expect_lines(self, *lines: str) -> None:
        """Look for lines on its standard output from now on."""
        for line in lines:
            self.program.stdout.expect_line(line)

    def prints(self, line: str, within: float | None = None) -> Printed:
        """Return its standard output, once it has printed a line that was expected, or the time is over."""
        seconds = self._limit.left() if within is None else within * self._run.options.slow
        stdout = self.program.stdout
        came = self._until(lambda: stdout.count(line) > 0, seconds, gives_up_at_rest=True)
        return Printed(stdout.text(), {line} if came else set(), "the line")

    def come_to_rest(self) -> None:
        """Let it finish what it does, and print what it has to print."""
        self.program.wait_until_idle(IDLE_WITHIN)

    def traceback(self) -> Complaint:
        """Return what its last traceback says, if it has printed one; to be asked when it has nothing to do."""
        self.come_to_rest()
        found = self.program.stderr.has(TRACEBACK)
        return Complaint(self.program.explain(self.program.stderr.text()) if found else "")

    @property
    def _limit(self) -> Deadline:
        """The end of its patience, or of the check's time where that is earlier."""
        return self._run.deadline.at_most(self.patience)

    def _until(
        self,
        condition: Callable[[], object],
        seconds: float,
        *,
        whatever: bool = False,
        gives_up_at_rest: bool = False,
    ) -> bool:
        """Wait until a condition holds; not when the program has ended, unless told.

        `gives_up_at_rest`: and not when it has gone to rest, after which nothing more is printed.
        """
        limit = time.monotonic() + seconds
        self.program.begin_rest()
        while not condition():
            rested = gives_up_at_rest and self.program.has_rested(RESTS * max(1.0, self._run.options.slow))
            if rested or time.monotonic() > limit:
                return bool(condition())
            if self.program.has_exited and not whatever:
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
        command = f"python {self.program.spec.file} {self._run.lab.port}"
        self._run.transcript.by_hand = f"{command}   ({then})" if then else command


class Server(Judged, Client):
    """The student's HTTP server."""

    def __init__(self, run: Run, started: Started) -> None:
        Judged.__init__(self, run, started)
        program = started.program
        Client.__init__(
            self, program.connect, program.port, run.lab.port, run.transcript, run.deadline, started.manners
        )

    @property
    def has_answered(self) -> bool:
        """Whether it has ever given a whole answer."""
        return self._manners.answered

    @property
    def clock(self) -> str:
        """Where the server's local time is that of."""
        return f"while the check runs, your program's local time is UTC{self._run.local_time.offset:+d}"

    @property
    def host(self) -> str:
        """The address on which it listens: 127.0.0.1 or ::1."""
        assert self.program.address is not None
        return self.program.address[0]

    def today(self) -> set[int]:
        """Return the day of the year and the year, in the server's local time."""
        return self._run.local_time.today()

    def output(self, until: str, seconds: float) -> Printed:
        """Return its standard output, once a line with the text has come; at the latest in so many seconds."""
        self._by_hand()
        stdout = self.program.stdout
        came = stdout.wait_for(until, seconds * self._run.options.slow)
        return Printed(stdout.text(), {until} if came else set())

    def answers(self, patience: float | None = None) -> bool:
        """Return whether it answers an ordinary request, and with the same status as the first time.

        Which status it is does not matter here. Raises HttpError where there is silence instead.
        """
        word = self._run.draw.word()
        for kind, target in (("/", "/"), ("page", f"/{word}.zzz"), ("file", f"/{word}.html")):
            try:
                status = self.request("GET", target, patience=patience).status
            except HttpError as error:
                if error.trouble in (Trouble.SILENT, Trouble.SLOW):
                    raise
            else:
                return status == self._manners.usual.setdefault(kind, status)
        return False

    def announce(self, target: str, fields: Mapping[str, str]) -> Answer:
        """POST the headers only, and wait for an answer that does not wait for a body."""
        return self.request("POST", target, fields, patience=self.patience)

    @contextmanager
    def connect_many(self, number: int) -> Iterator[list[Connection]]:
        """Connect so many visitors, one after the other: a listen backlog of 5 is normal."""
        with ExitStack() as stack:
            visitors = []
            for _ in range(number):
                paced = time.monotonic() + PACE
                visitors.append(stack.enter_context(self.connect(CONNECTED_WITHIN * self._run.options.slow)))
                time.sleep(max(0.0, paced - time.monotonic()))
            yield visitors

    def interrupt(self, seconds: float) -> Ending:
        """Send Ctrl+C, and return how it ended; at the latest after so many seconds."""
        transcript = self._run.transcript
        self._by_hand("then press Ctrl+C")
        self.come_to_rest()
        transcript.note("Ctrl+C")
        ending = self.program.interrupt(seconds * self._run.options.slow)
        transcript.note(f"{ending.status.received()} after {ending.seconds:.2f} s")
        return ending

    def restart(self) -> Server:
        """Start it again on the same port. Raises NotReadyError where it does not start."""
        self._run.transcript.note("started again")
        return Server(self._run, self._run.start_again(self.program))
