"""The student's HTTP server as a check sees it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from labcheck.errors import HttpError, Trouble
from labcheck.program import sockets
from labcheck.program.evidence import Printed
from labcheck.protocols.http.client import FORM, Client
from labcheck.protocols.manners import Manners
from labcheck.protocols.view import CONNECTED_WITHIN, ServerView
from labcheck.record.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labcheck.protocols.check import Check
    from labcheck.protocols.http.answer import Answer
    from labcheck.protocols.http.client import Connection
    from labcheck.protocols.started import Started


class Server(ServerView, Client):
    """The student's HTTP server: a running program that a check talks to.

    A check gets it from the fixtures `server`, `own_server` and `new_server`. All methods that send a request raise
    HttpError if no valid answer arrives within 10 s; the requirement fails then.
    """

    def __init__(self, check: Check, started: Started) -> None:
        ServerView.__init__(self, check, started)
        program = started.program
        Client.__init__(
            self,
            program.connect,
            program.port,
            check.port,
            check.transcript,
            check.deadline,
            started.manners,
            program.activity,
        )

    @property
    def has_answered(self) -> bool:
        """Whether it has ever sent a complete answer."""
        return self._manners.answered

    @property
    def clock(self) -> str:
        """A sentence that names the server's time zone; use it as the message of an assertion about dates."""
        return f"while the check runs, your program's local time is UTC{self._check.local_time.offset:+d}"

    def today(self) -> set[int]:
        """Return today's day of the year (1 to 366) and year, in the server's time zone."""
        return self._check.local_time.today()

    def output(self, until: str, seconds: float) -> Printed:
        """Wait until a line with the text `until` has been printed, and return the standard output.

        Waits up to `seconds` (times `--slow`). `until` must be one of the program's `lines` or `fold` in lab.toml.
        """
        self._by_hand()
        stdout = self.program.stdout
        came = stdout.wait_for(until, seconds=seconds * self._check.slow)
        if not came:
            self._missed(f"a line with {until!r} was not printed", seconds * self._check.slow)
        return Printed(stdout.text(), {until} if came else set(), **self._around(came=came))

    def answers(self, patience: float | None = None, *, until_closed: bool = False) -> bool:
        """Return whether it answers an ordinary request, such as GET /.

        Any status code counts, but it must stay the same in all calls. `patience` is the number of seconds to wait for
        the first byte. `until_closed`: then wait a second for the server to close the connection, so that its own port
        stays reserved afterwards (TIME_WAIT). Raises HttpError if no complete answer arrives in time.
        """
        word = self._check.draw.word()
        known = [("probe", self._check.probe)] if self._check.probe else []
        for kind, target in (("/", "/"), *known, ("page", f"/{word}.zzz"), ("file", f"/{word}.html")):
            try:
                status = self.request("GET", target, patience=patience, until_closed=until_closed).status
            except HttpError as error:
                if error.trouble in (Trouble.SILENT, Trouble.SLOW):
                    raise
            else:
                return status == self._manners.usual.setdefault(kind, status)
        return False

    def serves(self, target: str, wanted: bytes | str = "", *, method: str = "GET", form: str = "") -> bool:
        """Return whether it answers a request with status 200 and the body `wanted`, or a page that shows the text.

        Use it with `given`: many requirements hold for a server that serves nothing, but prove nothing there. Without
        `wanted`, any body will do. `form` is the body of a POST. What it has served once is not requested again.
        """
        if (method, target, wanted) in self._manners.proven:
            return True
        fields = {"Content-Type": FORM, "Content-Length": str(len(form))} if form else {}
        try:
            answer = self.request(method, target, fields, form, patience=self.patience)
        except HttpError:
            self.come_to_rest()  # it may be about to end; the next check must not meet it then
            return False
        is_right = answer.body == wanted if isinstance(wanted, bytes) else wanted in answer.shown
        if answer.status == 200 and (method == "HEAD" or (is_right and answer.body)):
            self._manners.proven |= {(method, target, wanted), (method, target, "")}
            return True
        return False

    def would_serve(self, target: str, wanted: bytes) -> bool:
        """Return whether a GET gets status 200 and the body `wanted`, without a trace in the check's transcript.

        Use it after a failure, to find out its cause: the report still shows the exchange that failed.
        """
        deadline = self._deadline.at_most(self.patience)
        client = Client(
            self._open_socket, self.port, self._usual_port, Transcript(), deadline, Manners(), self._activity
        )
        try:
            answer = client.get(target)
        except HttpError:
            return False
        return answer.status == 200 and answer.body == wanted

    def announce(self, target: str, fields: Mapping[str, str]) -> Answer:
        """Send the headers of a POST request without its body, and return the answer.

        Raises HttpError if no answer begins within `patience`: the server must not wait for the body.
        """
        return self.request("POST", target, fields, patience=self.patience)

    @contextmanager
    def connect_many(self, number: int, *, least: int | None = None) -> Iterator[list[Connection]]:
        """Open `number` connections, one after the other, and yield them; they are closed after the `with` block.

        The server gets a few milliseconds to accept one before the next, because a listen backlog of 5 is common. A
        server that handles one client after the other accepts no more than its backlog while it waits for the first
        one's request. Raises HttpError if it accepts fewer than `least`, by default all.
        """
        with ExitStack() as stack:
            clients: list[Connection] = []
            within = CONNECTED_WITHIN * self._check.slow
            for _ in sockets.paced(number, self.program.port):
                try:
                    clients.append(stack.enter_context(self.connect(within)))
                except HttpError as error:
                    if error.trouble is not Trouble.SILENT or len(clients) < (number if least is None else least):
                        raise
                    break
            yield clients

    def restart(self) -> Server:
        """Start the program again on the same port, and return the new server.

        What is left of the old program is ended first. Raises NotReadyError if the new one does not listen in time.
        """
        self._check.transcript.note("started again")
        self._check.deadline.renew()
        return Server(self._check, self._check.programs.start_again(self._started, self._check.deadline.left()))
