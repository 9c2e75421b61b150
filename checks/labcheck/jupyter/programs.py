"""A program started by a notebook: its address, its output, and what a client or a user can do with it."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labcheck.errors import ForeignListenerError, NotReadyError
from labcheck.jupyter import ProgramError, exchanges, fragment
from labcheck.jupyter.diagram import Diagram
from labcheck.jupyter.exchanges import Wire, known
from labcheck.jupyter.keeper import end_session, keeper
from labcheck.program import ports
from labcheck.program.quiet import QuietProgram
from labcheck.protocols.deadline import Deadline
from labcheck.protocols.http.client import FORM, Client
from labcheck.protocols.manners import Manners
from labcheck.record.transcript import Transcript
from labcheck.reports.wording import block
from labcheck.sandbox import processes
from labcheck.sandbox.base import Sandbox
from labcheck.workbook.labs import ProgramSpec

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from labcheck.jupyter.exchanges import Exchange
    from labcheck.jupyter.websocket import WebSocket

LISTENS_WITHIN = 10.0  # seconds after its start
SETTLES_WITHIN = 0.3  # seconds to wait for its first output after it listens
ANSWERS_WITHIN = 10.0  # seconds
ENDS_WITHIN = 3.0  # seconds after Ctrl+C, or after the end of its input
MOST_EXCHANGES = 1000  # connections whose exchange is kept for a picture
WAIT = 0.01  # seconds between two checks of its output while waiting for a text
SHOWN_EVERY = 0.25  # seconds between two updates of the displayed output
SHOWN_LINES = 40  # lines of its output that are displayed
SHOWN_TEXT = 8_000  # characters of its output that are displayed
NOTE = "The page is shown here while its program runs."
ERROR_LINES = 8  # lines of its output in an error message


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    - `status`: the exit status; negative if a signal ended it.
    - `seconds`: the time it took to end after `stop`; None if it ended by itself.
    - `killed`: whether it had to be killed.
    """

    status: int
    seconds: float | None
    killed: bool

    def __repr__(self) -> str:
        if self.killed:
            return f"did not end within {ENDS_WITHIN:g} s after Ctrl+C and was killed"
        how = f"signal {-self.status}" if self.status < 0 else f"exit status {self.status}"
        return f"ended with {how}" + ("" if self.seconds is None else f", after {self.seconds:.2f} s")


def run(file: str | os.PathLike[str], port: int | None = None) -> RunningProgram:
    """Start `python FILE PORT` in the file's folder, on a free port, and wait until it listens there.

    If `port` is given, the program is a client of the server on that port. `run` then returns immediately, and `type`
    types its input. Raises ProgramError if the program does not start.
    """
    path = Path(file).absolute()
    if not path.is_file():
        raise ProgramError(f"no {file} in {Path.cwd()}; give the path of a program")
    running = RunningProgram(path, port)
    try:
        if port is None:
            running.wait_until_listening()
    except BaseException:
        running.end()
        raise
    running.show()
    return running


class RunningProgram:
    """A running program, and what a cell can do with it."""

    def __init__(self, path: Path, port: int | None) -> None:
        kind = "http server" if port is None else "websocket client"
        self._own_port = ports.Port() if port is None else None
        if self._own_port is not None:
            port = self._own_port.number
        assert port is not None
        processes.reset_signals()
        self._keeper = keeper()  # start it first, so that the program is kept as soon as it is started
        self._program = QuietProgram(
            ProgramSpec(path.stem, path.name, kind, lines=(), fold=(), prompts=(), early=0),
            path.parent,
            sys.executable,
            port,
            Sandbox(),
            usual_port=0,
            local_time=None,
        )
        self._keeper.keep(self._program.pid)
        self._manners = Manners()
        self._log = Transcript()  # of what it has printed
        self._logged = 0, 0  # bytes printed on each stream that are in it
        self._exchanges: deque[Transcript] = deque(maxlen=MOST_EXCHANGES)  # one for each connection
        self._websockets = 0
        self._logging = threading.Lock()
        self._typed_at = 0, 0  # bytes printed on each stream before the last line was typed
        self._typed: list[tuple[int, str]] = []  # each typed line, with the number of characters printed before it
        self._stopped: float | None = None  # when `stop` was called
        self._ended: Ended | None = None
        self._ending = threading.Lock()
        self._showing = threading.Lock()
        self._handle: Any = None
        self._frames: list[tuple[Page, Any]] = []

    @property
    def port(self) -> int:
        """The port given as its argument."""
        return self._program.port

    @property
    def host(self) -> str:
        """The address it listens on: 127.0.0.1 or ::1."""
        return self._program.address[0] if self._program.address else "localhost"

    @property
    def url(self) -> str:
        """The URL for a browser, without a slash at the end."""
        return f"http://localhost:{self.port}"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._program.pid

    @property
    def has_ended(self) -> bool:
        """Whether the program and everything it started has ended."""
        return self._ended is not None

    @property
    def output(self) -> str:
        """Its output so far: standard output, then standard error."""
        self._catch_up()
        return self._printed((0, 0))

    def get(self, target: str, headers: Mapping[str, str] | None = None) -> Exchange:
        """Send a GET request. `target` is the path with its query, exactly as sent in the request line."""
        return self.request("GET", target, headers=headers)

    def post(self, target: str, body: bytes, headers: Mapping[str, str] | None = None) -> Exchange:
        """Send a POST request. The body is a form unless `headers` has another Content-Type."""
        return self.request("POST", target, body, {"Content-Type": FORM} | known(headers or {}))

    def request(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Exchange:
        """Send a request. Raises ProgramError if no answer comes."""
        wire = Wire(self._new_exchange())
        return exchanges.request(self._client(wire), wire, method, target, body, headers or {})

    def send(self, data: bytes) -> Exchange:
        """Send exactly these bytes, and return them with everything that comes back."""
        wire = Wire(self._new_exchange())
        return exchanges.send(self._client(wire), wire, data)

    def connect(self, path: str = "/") -> WebSocket:
        """Open a WebSocket. Raises ProgramError if the handshake fails."""
        from labcheck.jupyter.websocket import WebSocket

        self._must_run()
        try:
            sock = self._program.connect(ANSWERS_WITHIN)
        except OSError as error:
            raise ProgramError(f"cannot connect to port {self.port}: {error.strerror or error}") from None
        self._websockets += 1
        return WebSocket(sock, path, self.port, self._new_exchange(), f"WebSocket {self._websockets}")

    def diagram(self) -> Diagram:
        """Return a picture of what was exchanged with this server on its last 1,000 connections, and what it printed.

        Raises ProgramError for a client: its exchange is with its server, and labcheck does not see it.
        """
        if self._program.spec.is_client:
            raise ProgramError(f"{self._file} is a client; diagram() shows what this notebook exchanges with a server")
        self._log_printed()
        events = [event for each in (self._log, *self._exchanges) for event in each.events]
        return Diagram([event.to_json() for event in sorted(events, key=lambda event: event.at)], self._file)

    def frame(self, path: str = "/", height: int = 400) -> None:
        """Show one of its pages in a frame in the notebook. `height` is in pixels.

        When the program has ended, a picture takes the place of the frame, which would be empty in a saved notebook.
        """
        page = Page(self, path, height)
        self._frames.append((page, _displayed(page)))

    def type(self, line: str) -> None:
        """Type a line of input, as its user would."""
        self._must_run()
        self._catch_up()
        self._typed_at = self._program.stdout.total, self._program.stderr.total
        self._typed.append((len(self._program.stdout.text()), line))
        self._program.type(line)

    def wait_for(self, text: str, seconds: float = 5.0) -> str:
        """Wait until it prints a text after the last typed line. Return everything printed after that line.

        Raises ProgramError if the text does not appear within `seconds`, or the program has ended.
        """
        limit = time.monotonic() + seconds
        while True:
            has_exited = self._program.has_exited
            self._catch_up()
            if text in (printed := self._printed(self._typed_at)):
                return printed
            if has_exited:
                raise ProgramError(f"{self._file} ended without printing {text!r}{_with(printed)}")
            if time.monotonic() > limit:
                raise ProgramError(f"{self._file} did not print {text!r} within {seconds:g} s{_with(printed)}")
            time.sleep(WAIT)

    def wait_until_listening(self) -> None:
        """Wait until it accepts connections. Raises ProgramError if it does not start to listen."""
        try:
            self._program.wait_until_listening(LISTENS_WITHIN)
        except NotReadyError as error:
            self._catch_up()
            raise ProgramError(f"{error}{_with(self._program.diagnosis.shown(self._program.stderr.text()))}") from None
        except ForeignListenerError:
            raise ProgramError(f"another program listens on port {self.port}; run {self._file} again") from None

    def stop(self) -> Ended:
        """Stop the program with Ctrl+C; for a client, close its input first. Kill it if it does not end in time."""
        if not self._program.has_exited:
            self._stopped = time.monotonic()
            if self._program.spec.is_client:
                self._program.end_input()
                self._program.wait_until_ended(self._stopped, ENDS_WITHIN)
            if not self._program.has_exited:
                self._program.send_ctrl_c()
                self._program.wait_until_ended(time.monotonic(), ENDS_WITHIN)
        ended = self.end()
        self._update()
        return ended

    def end(self) -> Ended:
        """Kill everything that is left of the program, and return how it ended. Can be called more than once."""
        with self._ending:
            if self._ended is not None:
                return self._ended
            seconds = None if self._stopped is None else time.monotonic() - self._stopped
            killed = not self._program.has_exited
            self._program.kill()
            end_session(self._program.pid)
            self._keeper.forget(self._program.pid)
            self._program.close()
            if self._own_port is not None:
                self._own_port.release()
            status = self._program.exit_status
            assert status is not None
            self._ended = Ended(status, seconds, killed)
            return self._ended

    def show(self) -> None:
        """Display the program in a notebook, and update its output while it runs."""
        self._program.activity.wait_until_idle(SETTLES_WITHIN)
        self._handle = _displayed(self)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        """Update the displayed output until the program has ended."""
        shown = None
        while self._ended is None:
            if self._program.has_exited:
                self.end()
            if (totals := (self._program.stdout.total, self._program.stderr.total)) != shown:
                shown = totals
                self._update()
            time.sleep(SHOWN_EVERY)
        self._update()

    def _update(self) -> None:
        with self._showing:  # an older update must not come after a newer one
            if self._handle is not None:
                self._handle.update(self)
            for page, handle in self._frames if self.has_ended else ():
                if handle is not None:
                    handle.update(page)

    def _new_exchange(self) -> Transcript:
        """Return the transcript of a new connection."""
        self._log_printed()
        self._exchanges.append(self._log.beside())
        return self._exchanges[-1]

    def _log_printed(self) -> None:
        """Add to the log what it has printed since the last call."""
        self._catch_up()
        with self._logging:
            totals = self._program.stdout.total, self._program.stderr.total
            streams = (("standard output", self._program.stdout), ("standard error", self._program.stderr))
            for (name, stream), since, total in zip(streams, self._logged, totals, strict=True):
                if total > since:
                    self._log.printed(stream.text(since), name)
            self._logged = totals

    def _client(self, wire: Wire) -> Client:
        self._must_run()
        return Client(self._program.connect, self.port, self.port, wire, Deadline(ANSWERS_WITHIN), self._manners)

    def _must_run(self) -> None:
        if self._program.has_exited:
            raise ProgramError(f"{self._file} has ended with exit status {self._program.exit_status}; run it again")

    def _catch_up(self) -> None:
        if self._ended is None:
            for stream in (self._program.stdout, self._program.stderr):
                stream.catch_up()

    def _printed(self, since: tuple[int, int]) -> str:
        return self._program.stdout.text(since[0]) + self._program.stderr.text(since[1])

    @property
    def _file(self) -> str:
        return self._program.spec.file

    def _streams(self) -> list[tuple[str, str]]:
        """Return the name of each stream that is not empty, with the end of its output."""
        streams = (("standard output", self._on_screen()), ("standard error", self._program.stderr.text()))
        return [(name, _last_of(text)) for name, text in streams if text]

    def _on_screen(self) -> str:
        """Return its standard output with the typed lines, as a user would see it in a terminal."""
        text, pieces, before = self._program.stdout.text(), [], 0
        for place, line in self._typed:
            pieces += [text[before:place], line, "\n"]
            before = place
        return "".join([*pieces, text[before:]])

    @property
    def _state(self) -> str:
        if self._ended is not None:
            return str(self._ended)
        where = "" if self._program.spec.is_client else f" on port {self.port}"
        return f"is running{where} as process {self.pid}"

    def __repr__(self) -> str:
        lines = [f"{self._file} {self._state}" + ("" if self._url_to_show is None else f": {self.url}")]
        for name, text in self._streams():
            lines += [name, *("  " + line for line in text.split("\n"))]
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return fragment.bundle(
            repr(self),
            "program.jinja",
            file=self._file,
            state=self._state,
            url=self._url_to_show,
            streams=self._streams(),
        )

    @property
    def _url_to_show(self) -> str | None:
        return self.url if self._ended is None and not self._program.spec.is_client else None


@dataclass(frozen=True)
class Page:
    """A page of a running program, as a notebook shows it."""

    program: RunningProgram
    path: str
    height: int

    def __repr__(self) -> str:
        return f"{self.program.url}{self.path}" + (f": {NOTE}" if self.program.has_ended else "")

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return fragment.bundle(
            repr(self),
            "page.jinja",
            is_running=not self.program.has_ended,
            title=f"The page {self.path} of your program",
            url=self.program.url + self.path,
            path=self.path,
            height=self.height,
            note=NOTE,
        )


def _displayed(thing: object) -> Any:
    """Display something in a notebook, and return the handle to update it; a terminal has none."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    return display(thing, display_id=True)  # type: ignore[no-untyped-call]


def _last_of(text: str) -> str:
    """Return the last lines of an output, safe to display."""
    text = text.removesuffix("\n")
    shown = "\n".join(text.split("\n")[-SHOWN_LINES:])[-SHOWN_TEXT:]
    return block(shown if len(shown) == len(text) else f"… earlier output left out …\n{shown}")


def _with(printed: str) -> str:
    """Return the end of an output, to be appended to an error message."""
    lines = block(printed).strip().split("\n")[-ERROR_LINES:]
    return ":\n" + "\n".join(lines) if lines != [""] else "; it printed nothing"
