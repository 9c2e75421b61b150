"""A TCP connection of a check: it records every byte, and never waits longer than its deadline."""

from __future__ import annotations

import contextlib
import shlex
import socket
from typing import TYPE_CHECKING, Self

from labcheck.program import sockets

if TYPE_CHECKING:
    from labcheck.protocols.deadline import Deadline
    from labcheck.record.transcript import Transcript

CHUNK = 128 * 1024  # bytes read at once
SHORT = 400  # bytes of a request that a command repeats; `labcheck replay` repeats every request


class Stream:
    """One connection of one client to the student's server. Use it in a `with` block, which closes it.

    `who` is its name in the transcript, if there are several.
    """

    def __init__(self, sock: socket.socket, transcript: Transcript, deadline: Deadline, who: str = "") -> None:
        self._socket = sock
        self._transcript = transcript
        self._deadline = deadline
        self._who = who
        self._buffer = bytearray()
        self._closed = False
        self._was_reset = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def reset(self) -> None:
        """Close the connection abruptly: the server gets a TCP reset."""
        sockets.reset(self._socket)
        self._transcript.note("the client reset the connection (TCP RST)", self._who)

    def leave(self, seconds: float = 0.5) -> None:
        """Send no more, and read until the server closes the connection, for up to `seconds`.

        The server can answer what it has got, and meets no error of a client that has gone.
        """
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        deadline = self._deadline.at_most(seconds)
        while self._read_more(deadline):
            pass

    def send(self, data: bytes) -> None:
        """Send all of `data`. A server that no longer reads causes no error here: it may have answered already."""
        self._transcript.sent(data, who=self._who)
        left = memoryview(data)
        try:
            while left and not self._deadline.passed():
                self._socket.settimeout(self._deadline.left())
                with contextlib.suppress(TimeoutError):  # the limit may have moved: see `clock`
                    left = left[self._socket.send(left) :]
        except OSError:
            self._was_reset = True

    def read_some(self, size: int) -> int:
        """Read until `size` bytes have arrived, the connection is closed or the deadline passes.

        Returns the number of bytes that have arrived and were not yet taken by another method.
        """
        self._deadline.renew()
        while len(self._buffer) < size and self._read_more(self._deadline):
            pass
        return len(self._buffer)

    def _read_more(self, deadline: Deadline) -> bool:
        """Read available data into the buffer; return False if it is too late or the server closed the connection."""
        data: bytes | None = None
        while data is None:
            if self._closed or deadline.passed():
                return False
            self._socket.settimeout(deadline.left())
            try:
                data = self._socket.recv(CHUNK)
            except TimeoutError:
                pass  # the limit may have moved: see `clock`
            except OSError:
                data = b""
                self._was_reset = True
        self._closed = not data
        if data:
            self._transcript.received(data, who=self._who)
        else:
            self._transcript.hung_up("server", self._who)
        self._buffer += data
        return bool(data)

    def _take(self, size: int) -> bytes:
        """Take up to `size` bytes of what has arrived."""
        with memoryview(self._buffer) as view:
            data = bytes(view[:size])  # a slice of the buffer itself would be copied a second time
        del self._buffer[:size]
        return data


def printf_by_hand(data: bytes, usual_port: int) -> str:
    """Return a shell command that sends the bytes unchanged; empty if they make no short line of text."""
    if len(data) >= SHORT:
        return ""
    try:
        text = data.decode().replace("\\", "\\\\").replace("%", "%%")
    except UnicodeDecodeError:
        return ""
    text = text.replace("\r", "\\r").replace("\n", "\\n")
    return f"printf {shlex.quote(text)} | nc localhost {usual_port}" if text.isprintable() else ""
