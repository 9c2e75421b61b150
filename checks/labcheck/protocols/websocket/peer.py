"""labcheck's own WebSocket server, which the student's client connects to.

It listens on both loopback addresses, in its own thread: so it accepts a client at any time, and answers its pings
while the checks of another program run.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from websockets.exceptions import InvalidHandshake
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from labcheck.errors import ForeignListenerError, Trouble, WebSocketError
from labcheck.program.machine import lack, open_socket
from labcheck.program.ports import LOOPBACK
from labcheck.protocols.websocket.connection import SILENCE, Endpoint, size_of
from labcheck.protocols.websocket.evidence import Message, Target
from labcheck.record.text import shorten
from labcheck.record.transcript import Transcript

if TYPE_CHECKING:
    from labcheck.protocols.websocket.evidence import Shutdown

BACKLOG = 16
MOST_CONNECTIONS = 8  # open connections; further ones are closed at once
MOST_MESSAGES = 5_000  # messages that have arrived and were not taken; then no more are read


@dataclass(frozen=True)
class Closing:
    """Closes the connection instead of answering; `code` is the close code, None means without a close frame."""

    code: int | None


class Connection(Endpoint):
    """A connection from the student's client."""

    target = Target("")
    welcomed = False  # the peer has noticed its opening handshake

    other = "client"

    def __init__(self, sock: socket.socket, transcript: Transcript, who: str) -> None:
        self._server = ServerProtocol(max_size=self.most, logger=SILENCE)
        super().__init__(sock, self._server, transcript, who)

    def _open(self, event: Request | Response) -> None:
        assert isinstance(event, Request)
        if (broken := self._server.parser_exc) is not None:
            text = f"the bytes after the client's opening handshake are not a WebSocket frame: {broken}"
            self.error = WebSocketError(Trouble.MALFORMED, text)
            return
        response = self._server.accept(event)
        self.target = Target(event.path)
        self.opened = response.status_code == 101
        if not self.opened and self._server.handshake_exc is not None:
            self._fail_handshake(self._server.handshake_exc)
            if self._server.eof_sent:  # a close frame came with the request, so the library has no answer any more
                return
        self._server.send_response(response)
        self.transcript.sent(response.serialize(), "handshake", self.who)

    def _fail_handshake(self, error: Exception) -> None:
        why = error if isinstance(error, InvalidHandshake) else type(error).__name__
        text = f"the client's request is not an opening handshake: {shorten(str(why), 100)}"
        self.error = WebSocketError(Trouble.MALFORMED, text)


class Peer:
    """A WebSocket server on a port, until it is closed.

    It answers each message with the next of the prepared answers, as soon as there is one. `connection` is the
    connection that was opened last. Raises ForeignListenerError if the port is taken.
    """

    def __init__(self, port: int) -> None:
        self._listeners = [listener for family, host in LOOPBACK if (listener := _listen(family, host, port))]
        if not self._listeners:
            raise ForeignListenerError
        self.port = port
        self.transcript = Transcript()
        self.who = ""  # the client's name in transcripts
        self.connection: Connection | None = None
        self.arrived = 0  # messages
        self.accepted = 0  # connections, with or without an opening handshake
        self._inbox: deque[Message] = deque()  # messages that have arrived and were not taken
        self._answers: deque[str | Closing] = deque()
        self._unanswered = 0
        self._lock = threading.RLock()
        self._connections: list[Connection] = []
        self._stopped = False
        self._fault: Exception | None = None  # the exception that ended the thread
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        for listener in self._listeners:
            self._selector.register(listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def begin(self, transcript: Transcript, who: str) -> None:
        """Begin a check: record events in this transcript, those before the check first; drop waiting messages."""
        with self._lock:
            self._inbox.clear()
            if transcript is not self.transcript:
                transcript.resume(self.transcript, who)
            self.transcript, self.who = transcript, who
            for connection in self._connections:
                connection.transcript, connection.who = transcript, who

    @property
    def has_message(self) -> bool:
        """Whether a message has arrived that was not taken."""
        return bool(self._inbox)

    def take(self) -> Message:
        """Take the oldest message that was not taken."""
        with self._lock:
            return self._inbox.popleft()

    def waiting(self) -> list[Message]:
        """Return the messages that were not taken."""
        with self._lock:
            return list(self._inbox)

    def answer(self, text: str) -> None:
        """Answer the next unanswered message with this text."""
        with self._lock:
            self._answers.append(text)
            self._go_on()

    def leave_instead(self, code: int | None) -> None:
        """Close the connection instead of answering the next message; `code` None: without a close frame."""
        with self._lock:
            self._answers.append(Closing(code))
            self._go_on()

    def send(self, text: str) -> None:
        """Send a message that is not an answer."""
        with self._lock:
            if self.connection is not None:
                self._post(self.connection, text)

    def go(self, code: int | None) -> None:
        """Close all connections with this close code (None: with a TCP reset), and accept no new ones."""
        with self._lock:
            for listener in self._listeners:
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(listener)
                listener.close()
            for connection in self._connections:
                if code is None:
                    self._drop(connection)
                    connection.vanish()
                else:
                    connection.say_goodbye(code)
            self._nudge()

    @property
    def shutdown(self) -> Shutdown | None:
        """How the last connection was closed; None if it is open, or if there has been no connection."""
        return self.connection.shutdown if self.connection is not None else None

    @property
    def error(self) -> WebSocketError | None:
        """The error in what a connection received, the newest connection first; None without an error."""
        with self._lock:
            return next((connection.error for connection in reversed(self._connections) if connection.error), None)

    @property
    def settled(self) -> bool:
        """Whether all prepared answers have been sent."""
        return not self._answers

    def is_busy(self) -> bool:
        """Return whether something that the client has sent is still to be read."""
        with self._lock, contextlib.suppress(ValueError, OSError):  # it was closed
            return any(mask & selectors.EVENT_READ for _, mask in self._selector.select(0))
        return False

    def raise_fault(self) -> None:
        """Raise an error if the peer's thread has failed: then silence is not the client's failure."""
        if self._fault is not None:
            failed = RuntimeError("the server that the client talks to has failed")
            raise lack(self._fault) or failed from self._fault

    def forget(self) -> None:
        """Stop recording events."""
        with self._lock:
            self.transcript = Transcript()
            for connection in self._connections:
                connection.transcript = self.transcript

    def close(self) -> None:
        """Stop the server."""
        self._stopped = True
        self._nudge()
        self._thread.join()

    def _nudge(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send(b"x")

    def _serve(self) -> None:
        with self._selector:
            try:
                while not self._stopped:
                    self._serve_some()
            except Exception as error:  # raise_fault() reports it to the check
                self._fault = error
            with self._lock:
                for sock in (*self._listeners, self._wake, self._waker):
                    sock.close()
                for connection in self._connections:
                    connection.hang_up()

    def _serve_some(self) -> None:
        for key, mask in self._selector.select():
            with self._lock:
                self._serve_one(key.fileobj, mask)
        with self._lock:
            for connection in list(self._connections):
                self._look_after(connection)

    def _serve_one(self, ready: object, mask: int) -> None:
        if ready is self._wake:
            with contextlib.suppress(OSError):
                self._wake.recv(4096)
        elif isinstance(ready, Connection):
            if mask & selectors.EVENT_READ:
                ready.read()
            if mask & selectors.EVENT_WRITE:
                ready.write()
            if ready.fileno() < 0:  # unregister it now: the next connection may get the same descriptor
                self._drop(ready)
        elif isinstance(ready, socket.socket):
            try:
                sock, _ = ready.accept()
            except OSError as error:
                if lack(error):
                    raise
                return
            self.accepted += 1
            living = [connection for connection in self._connections if connection.shutdown is None]
            if len(living) >= MOST_CONNECTIONS:
                sock.close()
                return
            connection = Connection(sock, self.transcript, self.who)
            self._connections = [*living, connection]
            self._selector.register(connection, selectors.EVENT_READ)

    def _look_after(self, connection: Connection) -> None:
        """Process what a connection has received, and update what the selector waits for."""
        if connection.opened and not connection.welcomed:
            connection.welcomed = True
            self.connection = connection
        while connection.inbox:
            self._inbox.append(connection.inbox.popleft())
            self.arrived += 1
            self._unanswered += 1
        self._go_on()
        if connection.shutdown is not None or connection.fileno() < 0:
            self._drop(connection)
            connection.hang_up()
        elif len(self._inbox) < MOST_MESSAGES and size_of(self._inbox) < 4 * connection.most:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.wants_to_write else 0)
            with contextlib.suppress(KeyError):
                self._selector.modify(connection, wanted)
        else:
            self._drop(connection)

    def _go_on(self) -> None:
        """Answer the messages for which an answer is prepared."""
        while self._unanswered and self._answers and self.connection is not None:
            self._unanswered -= 1
            answer = self._answers.popleft()
            if isinstance(answer, Closing):
                self.go(answer.code)
            else:
                self._post(self.connection, answer)

    def _post(self, connection: Connection, text: str) -> None:
        connection.post(text)
        connection.write()  # now, so that a caller can wait until the client is idle again
        self._nudge()  # the thread writes the rest

    def _drop(self, connection: Connection) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection)


def _listen(family: int, host: str, port: int) -> socket.socket | None:
    """Return a listening socket, or None if the machine does not have this address family or the port is taken."""
    try:
        listener = open_socket(family)
    except OSError:
        return None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        return None
    listener.setblocking(False)
    return listener
