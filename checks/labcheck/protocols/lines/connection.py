"""A connection to the student's server that carries lines of text, or plain bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.errors import ExchangeError, Trouble
from labcheck.program import clock
from labcheck.protocols.deadline import in_words
from labcheck.protocols.lines.evidence import Data, line_of, without_end
from labcheck.protocols.stream import Stream, printf_by_hand

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from labcheck.program.activity import Activity
    from labcheck.protocols.deadline import Deadline
    from labcheck.protocols.lines.evidence import Line
    from labcheck.protocols.manners import Manners
    from labcheck.record.transcript import Transcript

LONGEST = 1 << 20  # bytes of one line
MOST = 16 << 20  # bytes that are read at once
GLANCE = 0.02  # seconds to wait for data between two looks at what the server is doing


class LineConnection(Stream):
    """One connection of one client, from `LinesServer.connect`. Use it in a `with` block, which closes it.

    Every method that waits raises ExchangeError if what it waits for does not arrive before the deadline of an exchange
    (10 s), if the connection is closed first, or if the server itself waits for input: then nothing will arrive.
    """

    def __init__(
        self, sock: socket.socket, transcript: Transcript, deadline: Deadline, manners: Manners, activity: Activity,
        usual_port: int, who: str = "",
    ) -> None:  # fmt: skip
        super().__init__(sock, transcript, deadline, who)
        self._manners = manners
        self._activity = activity
        self._usual_port = usual_port

    def say(self, *lines: str) -> None:
        """Send lines, in one piece; each gets a line feed at its end."""
        self.send("".join(f"{line}\n" for line in lines).encode())

    def send(self, data: bytes) -> None:
        """Send bytes. A server that no longer reads causes no error here."""
        self._deadline.renew()
        self._transcript.by_hand = printf_by_hand(data, self._usual_port)
        super().send(data)

    def ask(self, line: str) -> Line:
        """Send a line, and return the line that answers it."""
        self.say(line)
        return self.read_line()

    def read_line(self) -> Line:
        """Return the next line, without its end (LF, or CR and LF), decoded as UTF-8."""
        self._wait(lambda: b"\n" in self._buffer, "line", LONGEST)
        return line_of(self._take(self._buffer.index(b"\n") + 1))

    def read_bytes(self, size: int) -> Data:
        """Return the next `size` bytes."""
        self._wait(lambda: len(self._buffer) >= size, f"{size:,} bytes", MOST)
        return Data(self._take(size))

    def read_to_end(self) -> Data:
        """Return all bytes up to the end of the connection, which the server must close."""
        self._wait(lambda: self._closed, "end of the connection", MOST)
        return Data(self._take(len(self._buffer)))

    def so_far(self) -> Data:
        """Return what has arrived and was not read, without waiting; it can still be read."""
        while not self._closed and self._read_more(self._deadline.at_most(GLANCE)):
            pass
        return Data(self._buffer)

    def _wait(self, condition: Callable[[], bool], what: str, most: int) -> None:
        self._deadline.renew()
        began = clock.now()
        self._activity.begin_rest()
        while not condition():
            if len(self._buffer) > most:
                raise ExchangeError(Trouble.TOO_LARGE, f"no {what}: more than {most:,} bytes arrived")
            if self._read_more(self._deadline.at_most(GLANCE)):
                self._activity.begin_rest()
                continue
            if condition():
                break
            if self._closed:
                raise ExchangeError(Trouble.CLOSED, f"the connection was closed {self._came()}, before the {what}")
            if self._deadline.passed() or self._activity.waits_for_input():
                raise self._missing(what, clock.now() - began)
        self._manners.slowest = max(self._manners.slowest, clock.now() - began)
        self._manners.note_wait(clock.now() - began)
        self._manners.served += not self._manners.answered
        self._manners.answered = True

    def _missing(self, what: str, seconds: float) -> ExchangeError:
        """Return the error for something that did not arrive."""
        late = self._deadline.passed()
        when = f"within {in_words(seconds)}" if late else "came, and the program is idle: it waits for input"
        self._transcript.missed(f"no {what} {when}", seconds, who=self._who)
        doing = self._activity.doing() if late else ""
        text = "; ".join(filter(None, (f"no {what} {when}", self._came() if self._buffer else "", doing)))
        return ExchangeError(Trouble.SLOW if self._buffer else Trouble.SILENT, text)

    def _came(self) -> str:
        """Return in words what has arrived: without a line end, if that is what is missing."""
        return f"after {without_end(bytes(self._buffer))}" if self._buffer else "without an answer"
