"""A WebSocket client that shows the bytes of the handshake and of each frame (RFC 6455)."""

from __future__ import annotations

import base64
import os
import re
import socket
from typing import TYPE_CHECKING

from websockets.utils import accept_key

from labcheck.jupyter import ProgramError, fragment, frames
from labcheck.jupyter.exchanges import in_text, rows_of
from labcheck.jupyter.frames import Frame
from labcheck.protocols.deadline import Deadline

if TYPE_CHECKING:
    from labcheck.jupyter.exchanges import Row
    from labcheck.record.transcript import Transcript

CHUNK = 64 * 1024
MAX_HEAD = 64 * 1024  # bytes of the answer to the handshake
MAX_FRAME = 64 * 1024 * 1024
HANDSHAKE_WITHIN = 10.0  # seconds
CLOSED_WITHIN = 5.0  # seconds for the server's close frame


class WebSocket:
    """A WebSocket connection. `request` and `response` are the bytes of its opening handshake."""

    def __init__(self, sock: socket.socket, path: str, port: int, log: Transcript, who: str) -> None:
        """Do the opening handshake. Raises ProgramError if it fails.

        What is exchanged also goes into the `log` of the program, under the name `who`.
        """
        self._log, self._who = log, who
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # send each message immediately
        self._socket = sock
        self._buffer = b""
        self._closing = False  # a close frame was sent
        self._goodbye: Frame | None = None  # the close frame that was received
        self.key = base64.b64encode(os.urandom(16)).decode()
        self.request = (
            f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {self.key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
        try:
            sock.sendall(self.request)
            log.sent(self.request, "handshake", who)
            limit = Deadline(HANDSHAKE_WITHIN)
            while b"\r\n\r\n" not in self._buffer:
                if len(self._buffer) > MAX_HEAD:
                    raise ProgramError(f"the answer to the handshake has no end after {len(self._buffer):,} bytes")
                self._read(limit, "answer to the handshake")
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            self.response = head + end
            self._buffer = rest
            log.received(self.response, "handshake", who)
            self.accept = self._check()
        except BaseException:
            sock.close()
            raise

    def send(self, text: str) -> Frame:
        """Send a text message in one frame, and return the frame. Raises ProgramError after the closing handshake."""
        return self._send(frames.TEXT, text.encode())

    def receive(self, seconds: float = 5.0) -> Frame:
        """Return the next frame of a message, or the close frame. Pings in between are answered.

        Raises ProgramError if no frame comes within `seconds`, or the server closes the connection.
        """
        limit = Deadline(seconds)
        while True:
            frame = self._next(limit)
            if frame.opcode == frames.PING:
                self._send(frames.PONG, frame.payload)
            elif frame.opcode == frames.CLOSE:
                if not self._closing:  # RFC 6455, section 5.5.1: a close frame is answered with one
                    self._send(frames.CLOSE, frame.payload[:2])
                self._socket.close()
                self._goodbye = frame
                return frame
            elif frame.opcode != frames.PONG:
                return frame

    def close(self) -> Frame:
        """Do the closing handshake, and return the server's close frame. Messages in between are dropped.

        Raises ProgramError if no close frame comes within CLOSED_WITHIN seconds.
        """
        if not self._closing:
            self._send(frames.CLOSE, (1000).to_bytes(2))
        limit = Deadline(CLOSED_WITHIN)
        while self._goodbye is None:
            self.receive(limit.left())
        return self._goodbye

    def _send(self, opcode: int, payload: bytes) -> Frame:
        frame = Frame.make(opcode, payload, mask=os.urandom(4))
        if self._socket.fileno() < 0:
            raise ProgramError("this WebSocket is closed")
        self._closing = self._closing or opcode == frames.CLOSE
        try:
            self._socket.sendall(frame.raw)
        except OSError as error:
            self._socket.close()
            raise ProgramError(f"the server has closed the connection ({error.strerror or error})") from None
        self._log.sent(frame.data, frame.title, self._who)
        return frame

    def _next(self, limit: Deadline) -> Frame:
        while (size := Frame.size(self._buffer)) is None or len(self._buffer) < size:
            if size is not None and size > MAX_FRAME:
                raise ProgramError(f"the server announces a frame of {size:,} bytes; the limit is {MAX_FRAME:,}")
            self._read(limit, "frame")
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        frame = Frame.parse(data)
        self._log.received(frame.data, frame.title, self._who)
        return frame

    def _read(self, limit: Deadline, what: str) -> None:
        """Read what has arrived. Raises ProgramError if nothing comes before the limit, or the connection is closed."""
        if self._socket.fileno() < 0:
            raise ProgramError("this WebSocket is closed")
        self._socket.settimeout(limit.left())
        try:
            data = self._socket.recv(CHUNK)
        except TimeoutError:
            text = f"no {what} came {limit.words}"
            self._log.missed(text, limit.seconds, who=self._who)
            raise ProgramError(text) from None
        except OSError:
            data = b""
        if not data:
            self._socket.close()
            self._log.hung_up("server", self._who)
            raise ProgramError(f"the server closed the connection, and no {what} came")
        self._buffer += data

    def _check(self) -> str:
        """Return Sec-WebSocket-Accept. Raises ProgramError if the answer does not open a WebSocket."""
        first = self.response.partition(b"\r\n")[0].decode("latin-1")
        if not re.match(r"HTTP/1\.1 101\b", first):
            raise ProgramError(f"the server does not open a WebSocket: its answer begins with {first}")
        found = re.search(rb"(?im)^Sec-WebSocket-Accept:[ \t]*(\S*)", self.response)
        accept = found[1].decode("latin-1") if found else ""
        wanted = accept_key(self.key)
        if accept != wanted:
            raise ProgramError(f"Sec-WebSocket-Accept is {accept or 'missing'}; for this key it must be {wanted}")
        return accept

    @property
    def _messages(self) -> list[tuple[str, list[Row]]]:
        return [
            (f"sent, {len(self.request):,} bytes", rows_of(self.request, "request")),
            (f"received, {len(self.response):,} bytes", rows_of(self.response, "answer")),
        ]

    def __repr__(self) -> str:
        return in_text(self._messages, "")

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return fragment.bundle(repr(self), "exchange.jinja", messages=self._messages, note="")
