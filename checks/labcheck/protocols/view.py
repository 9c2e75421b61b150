"""A started program as a check sees it: what all kinds have in common."""

from __future__ import annotations

import shlex
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from labcheck.errors import Trouble
from labcheck.program import clock
from labcheck.program.evidence import Complaint, Growth, Printed
from labcheck.program.output import TRACEBACK
from labcheck.protocols.deadline import in_words
from labcheck.sandbox.memory import peak_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from labcheck.errors import ExchangeError
    from labcheck.program.program import Ending
    from labcheck.protocols.check import Check
    from labcheck.protocols.deadline import Deadline
    from labcheck.protocols.started import Started


CONNECTED_WITHIN = 5.0  # seconds; if the backlog is full, the kernel tries a connection again after 1 s and 3 s
POLL = 0.005  # seconds between two looks
ENOUGH = 20  # times that a line is printed again, because it may have been mixed with another one
MOST_MIXED = 200  # the same, if its last word was printed
RESTS = 1.5  # seconds; a program that was idle for longer prints nothing more on its own
IDLE_WITHIN = 0.5  # seconds; a server that has answered should be idle by then


class View:
    """A started program as one check sees it, with the transcript and the deadline of that check."""

    def __init__(self, check: Check, started: Started) -> None:
        self.program = started.program
        self._check = check
        self._started = started

    @property
    def has_ended(self) -> bool:
        """Whether the program has ended."""
        return self.program.has_exited

    @property
    def was_interrupted(self) -> bool:
        """Whether labcheck has sent it Ctrl+C."""
        return self.program.was_interrupted

    @property
    def patience(self) -> float:
        """The number of seconds after which an answer that has not begun no longer counts as `at once`.

        It grows with the slowest answer of the program so far, from 3 s up to 10 s (times `--slow`).
        """
        return self._check.programs.patience()

    def expect_lines(self, *lines: str) -> None:
        """Start looking for whole lines on its standard output; call this before the lines can be printed."""
        for line in lines:
            self.program.stdout.expect_line(line)

    def prints(
        self, line: str, within: float | None = None, *, again: Callable[[], object] | None = None
    ) -> Printed:  # fmt: skip
        """Wait until a line has been printed that `expect_lines` named, and return the standard output.

        Waits up to `within` seconds (times `--slow`), by default up to `patience`; stops early if the program has ended
        or is idle. `again` makes the program print the line once more: unbuffered, print() writes a line and its end
        separately, so a program with threads may mix the lines that it prints at the same time.
        Compare with `assert line in server.prints(line)`.
        """
        if again is not None and self.program.activity.has_threads():
            last_word = line.split()[-1]
            for tries in range(MOST_MIXED):
                self.come_to_rest()
                if self.program.stdout.lines(line) or (tries >= ENOUGH and last_word not in self.program.stdout.text()):
                    break
                again()
        seconds = self._new_limit().left() if within is None else within * self._check.slow
        stdout, started = self.program.stdout, clock.now()
        came = self._until(lambda: stdout.lines(line) > 0, seconds, gives_up_at_rest=True)
        if not came:
            self._missed(f"the line {line!r} was not printed", clock.now() - started)
        elif not self.program.spec.is_client:  # what a client prints is recorded as it comes
            self._check.transcript.printed(line, "standard output", self._who)
        return Printed(stdout.text(), {line} if came else set(), "the line", **self._around(came=came))

    def _around(self, *, came: bool) -> dict[str, Any]:
        """Return what else to say about printed lines; `came`: what was expected has been printed."""
        if came:
            return {}
        then = "the program is idle: it waits for input" if self._waits_for_input() else ""
        return {"errors": self.program.stderr.text(), "prompts": self.program.spec.prompts, "then": then}

    def _missed(self, text: str, seconds: float) -> None:
        """Record that something was not printed on standard output within these seconds."""
        if self.program.has_exited:
            why = " before the program ended"
        elif self._waits_for_input():
            why = "; the program is idle: it waits for input"
        else:
            why = f" within {in_words(seconds)}"
        self._check.transcript.missed(text + why, seconds, "standard output", self._who)

    @property
    def _who(self) -> str:
        """Its name in the transcript, if there are several programs."""
        return ""

    def come_to_rest(self) -> None:
        """Wait until the program is idle, for up to 0.5 s: until it has done its work and printed its output."""
        self.program.activity.wait_until_idle(IDLE_WITHIN)

    def traceback(self) -> Complaint:
        """Return the last line of its last traceback, with the place in the student's file; empty without one.

        Waits until the program is idle. Compare with `assert server.traceback() == ""`.
        """
        self.come_to_rest()
        found = self.program.stderr.has(TRACEBACK)
        return self.program.diagnosis.explain(self.program.stderr.text()) if found else Complaint("")

    def _new_socket(self, fault: type[ExchangeError], who: str, receive_buffer: int | None) -> socket.socket:
        """Return a new connection to the program, for a client called `who`; see `Program.connect`.

        Raises an exception of the given type if no process listens or the connection is not accepted.
        """
        self._check.deadline.renew()
        within = self._check.deadline.at_most(CONNECTED_WITHIN * self._check.slow)
        try:
            return self.program.connect(within.left(), receive_buffer)
        except TimeoutError:
            text = "no connection: the server does not accept it"
            self._check.transcript.missed(text, within.seconds, who=who)
            raise fault(Trouble.SILENT, text) from None
        except OSError as error:
            text = f"nothing listens on port {self.program.port} any more ({error.strerror})"
            raise fault(Trouble.REFUSED, text) from None

    def _new_limit(self) -> Deadline:
        """Begin a wait: return the end of the program's patience, or of the time for an exchange if that is earlier."""
        self._check.deadline.renew()
        return self._check.deadline.at_most(self.patience)

    def _until(
        self,
        condition: Callable[[], object],
        seconds: float,
        *,
        always: bool = False,
        gives_up_at_rest: bool = False,
        gives_up_if_it_waits: bool = False,
    ) -> bool:
        """Wait until a condition holds, for up to `seconds`; return whether it does.

        Stops waiting when the program has ended, unless `always` is set; with `gives_up_if_it_waits` also when it waits
        for input; with `gives_up_at_rest` also when it has been idle for RESTS, since it prints nothing more then.
        """
        limit = clock.now() + seconds
        self.program.activity.begin_rest()
        while not condition():
            waits = (gives_up_at_rest or gives_up_if_it_waits) and self._waits_for_input()
            rested = gives_up_at_rest and self.program.activity.has_rested(RESTS * max(1.0, self._check.slow))
            if waits or rested or clock.now() > limit:
                return bool(condition())
            if self.program.has_exited and not always:
                # Its last output may still be in the pipes.
                for stream in (self.program.stdout, self.program.stderr):
                    stream.catch_up()
                settled = clock.now() + 0.5
                while not condition() and self._may_bring_more() and clock.now() < settled:
                    time.sleep(POLL)
                return bool(condition())
            time.sleep(POLL)
        return True

    def _waits_for_input(self) -> bool:
        """Return whether the program stays idle until something arrives for it, and nothing is under way to it."""
        return self.program.activity.waits_for_input()

    def _may_bring_more(self) -> bool:
        """Return whether data other than output may still arrive from a program that has ended."""
        return False

    def by_hand(self, command: str) -> None:
        """Set what the report of this check shows as "by hand": one line for a shell."""
        self._check.transcript.by_hand = command

    def _by_hand(self, then: str = "") -> None:
        """Set the command that starts the program by hand, with what to do after that as a comment, as in a shell."""
        command = f"python {shlex.quote(self.program.spec.called)} {self._check.port}"
        self._check.transcript.by_hand = f"{command}   # {then}" if then else command


class ServerView(View):
    """A started server as one check sees it."""

    @property
    def host(self) -> str:
        """The loopback address it listens on: `127.0.0.1` or `::1`."""
        assert self.program.address is not None
        return self.program.address[0]

    def memory(self) -> int:
        """Return the most bytes of memory that it has had up to now, with the processes that it has started.

        0 where this cannot be found out: labcheck reads /proc, which only Linux has.
        """
        return peak_of(self.program.pid)

    def memory_growth(self, since: int) -> Growth:
        """Return by how many bytes that has grown, compared with what `memory` returned before."""
        return Growth(self.memory() - since, "of memory")

    def interrupt(self, seconds: float) -> Ending:
        """Send Ctrl+C, wait until the program has ended, and return how it ended.

        Waits up to `seconds` (times `--slow`). The result has the exit status (`status`), the output since Ctrl+C
        (`output`), and says whether there was a traceback (`traceback`) and whether a process that the program left
        behind still listens on its port (`still_listening`).
        """
        transcript = self._check.transcript
        self._by_hand("then press Ctrl+C")
        self._check.deadline.renew()
        self.come_to_rest()
        transcript.note("Ctrl+C")
        ending = self.program.interrupt(seconds * self._check.slow)
        transcript.note(f"{ending.status} after {ending.seconds:.2f} s")
        return ending


class ClientView(View, ABC):
    """A started client as one check sees it."""

    @abstractmethod
    def begin(self) -> None:
        """Begin a check: from now on, events go into its transcript. labcheck calls this."""

    @abstractmethod
    def is_idle(self) -> bool:
        """Return whether the client waits for its user and all its exchanges are complete."""
