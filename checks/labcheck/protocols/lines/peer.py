"""labcheck's own server for lines of text, which the student's client connects to."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from typing import TYPE_CHECKING

from labcheck.errors import ExchangeError, Trouble
from labcheck.program import sockets
from labcheck.protocols import peer
from labcheck.protocols.lines.evidence import line_of, without_end

if TYPE_CHECKING:
    from labcheck.protocols.lines.evidence import Line
    from labcheck.record.transcript import Transcript

CHUNK = 128 * 1024  # bytes read or written at once


class Closed:
    """How a connection was closed: `reset` says that it was cut off (TCP RST)."""

    def __init__(self, *, reset: bool = False) -> None:
        self.reset = reset

    def __str__(self) -> str:
        return "the connection was reset" if self.reset else "the connection was closed"


class Connection:
    """A connection from the student's client, which sends lines. Its methods never wait; see `peer.PeerConnection`."""

    most = 1 << 20  # bytes of one line, and of all lines that were not taken

    def __init__(self, sock: socket.socket, transcript: Transcript, who: str) -> None:
        sock.setblocking(False)
        self.transcript = transcript
        self.who = who
        self.inbox: deque[Line] = deque()
        self.opened = True
        self.welcomed = False
        self.error: ExchangeError | None = None
        self.shutdown: Closed | None = None
        self._socket = sock
        self._in = bytearray()
        self._out = bytearray()

    @property
    def half(self) -> str:
        """What has arrived of a line that has not ended, in words."""
        return without_end(bytes(self._in)) if self._in else ""

    @property
    def wants_to_write(self) -> bool:
        """Whether data is waiting to be written."""
        return bool(self._out) and self.shutdown is None

    def fileno(self) -> int:
        """Return the socket's file descriptor; -1 if it is closed."""
        return self._socket.fileno()

    def read(self) -> None:
        """Read what has arrived."""
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._over(reset=True)
            return
        if not data:
            self._over()
            return
        self.transcript.received(data, who=self.who)
        *lines, rest = (self._in + data).split(b"\n")
        self._in = bytearray(rest)
        for line in lines:
            self._take(bytes(line))
        if len(self._in) > self.most:
            self.error = ExchangeError(Trouble.TOO_LARGE, f"a line does not end: more than {self.most:,} bytes of it")
            self.hang_up()

    def write(self) -> None:
        """Write as much as the client can take now."""
        try:
            while self._out:
                del self._out[: self._socket.send(self._out[:CHUNK])]
        except BlockingIOError:
            pass
        except OSError:
            self._out.clear()  # the client is gone; its last data is still to be read

    def post(self, text: str) -> None:
        """Send a line, and what ends it."""
        data = f"{text}\n".encode()
        self.transcript.sent(data, who=self.who)
        self._out += data
        self.write()

    def say_goodbye(self, code: int) -> None:
        """Send no more; the client can still be heard."""
        del code
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self.transcript.hung_up("server", self.who)

    def vanish(self) -> None:
        """Close the connection abruptly."""
        if self._socket.fileno() >= 0:
            sockets.reset(self._socket)
            self.transcript.note("the server reset the connection (TCP RST)", self.who)
        self.shutdown = self.shutdown or Closed(reset=True)

    def hang_up(self) -> None:
        """Close the socket."""
        self._socket.close()
        self.shutdown = self.shutdown or Closed()

    def _take(self, line: bytes) -> None:
        try:
            self.inbox.append(line_of(line))
        except ExchangeError as error:
            self.error = self.error or error

    def _over(self, *, reset: bool = False) -> None:
        if self._in and self.error is None:
            self.error = ExchangeError(Trouble.CLOSED, f"the client closed the connection after {self.half}")
        self.transcript.hung_up("client", self.who)
        self.shutdown = self.shutdown or Closed(reset=reset)
        self._socket.close()


class Peer(peer.Peer[Connection]):
    """A server on a port; it answers each line with the next of the prepared answers."""

    def _connection(self, sock: socket.socket) -> Connection:
        return Connection(sock, self.transcript, self.who)
