"""The student's program, as a check sees it: what all have in common, and the HTTP server."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from labcheck.errors import HttpError, Trouble
from labcheck.program import sockets
from labcheck.program.evidence import Printed
from labcheck.protocols.http.client import Client
from labcheck.protocols.view import CONNECTED_WITHIN, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labcheck.program.program import Ending
    from labcheck.protocols.check import Check
    from labcheck.protocols.http.answer import Answer
    from labcheck.protocols.http.client import Connection
    from labcheck.protocols.started import Started


class Server(View, Client):
    """The student's HTTP server."""

    def __init__(self, check: Check, started: Started) -> None:
        View.__init__(self, check, started)
        program = started.program
        Client.__init__(
            self, program.connect, program.port, check.port, check.transcript, check.deadline, started.manners
        )

    @property
    def has_answered(self) -> bool:
        """Whether it has ever given a whole answer."""
        return self._manners.answered

    @property
    def clock(self) -> str:
        """Where the server's local time is that of."""
        return f"while the check runs, your program's local time is UTC{self._check.local_time.offset:+d}"

    @property
    def host(self) -> str:
        """The address on which it listens: 127.0.0.1 or ::1."""
        assert self.program.address is not None
        return self.program.address[0]

    def today(self) -> set[int]:
        """Return the day of the year and the year, in the server's local time."""
        return self._check.local_time.today()

    def output(self, until: str, seconds: float) -> Printed:
        """Return its standard output, once a line with the text has come; at the latest in so many seconds."""
        self._by_hand()
        stdout = self.program.stdout
        came = stdout.wait_for(until, seconds * self._check.slow)
        return Printed(stdout.text(), {until} if came else set())

    def answers(self, patience: float | None = None) -> bool:
        """Return whether it answers an ordinary request, and with the same status as the first time.

        Which status it is does not matter here. Raises HttpError where there is silence instead.
        """
        word = self._check.draw.word()
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
        """Connect so many clients, one after the other: a listen backlog of 5 is normal."""
        with ExitStack() as stack:
            within = CONNECTED_WITHIN * self._check.slow
            yield [stack.enter_context(self.connect(within)) for _ in sockets.paced(number)]

    def interrupt(self, seconds: float) -> Ending:
        """Send Ctrl+C, and return how it ended; at the latest after so many seconds."""
        transcript = self._check.transcript
        self._by_hand("then press Ctrl+C")
        self.come_to_rest()
        transcript.note("Ctrl+C")
        ending = self.program.interrupt(seconds * self._check.slow)
        transcript.note(f"{ending.status} after {ending.seconds:.2f} s")
        return ending

    def restart(self) -> Server:
        """Start it again on the same port. Raises NotReadyError where it does not start."""
        self._check.transcript.note("started again")
        return Server(self._check, self._check.programs.start_again(self._started, self._check.deadline.left()))
