"""labcheck's own server, which the student's client connects to; each kind adds what its connections speak.

It listens on both loopback addresses, in its own thread: so it accepts a client at any time, and answers its pings
while the checks of another program run.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from labcheck.errors import ForeignListenerError
from labcheck.program.machine import lack, open_socket
from labcheck.program.ports import LOOPBACK
from labcheck.record.transcript import Transcript

if TYPE_CHECKING:
    from labcheck.errors import ExchangeError

BACKLOG = 16
MOST_CONNECTIONS = 8  # open connections; further ones are closed at once
MOST_MESSAGES = 5_000  # messages that have arrived and were not taken; then no more are read


class PeerConnection(Protocol):
    """A connection from the student's client. Its methods never wait.

    `inbox` holds what has arrived and was not taken. `opened`: it can carry messages; `welcomed`: the peer has noticed
    that. `error` says what is wrong with what arrived, `shutdown` how the connection was closed (None: it is open).
    `most` is the size of everything that may wait in `inbox`; each message there has a `size`.
    """

    transcript: Transcript
    who: str
    inbox: deque[Any]
    opened: bool
    welcomed: bool
    error: Any
    shutdown: Any
    most: int

    @property
    def half(self) -> str:
        """What has arrived of a message that is not complete, in words; empty without any."""

    @property
    def wants_to_write(self) -> bool:
        """Whether data is waiting to be written."""

    def fileno(self) -> int:
        """Return the socket's file descriptor; -1 if it is closed."""

    def read(self) -> None:
        """Read what has arrived."""

    def write(self) -> None:
        """Write as much as the client can take now."""

    def post(self, text: str) -> None:
        """Send a message as soon as the client can take it."""

    def say_goodbye(self, code: int) -> None:
        """Close the connection in the usual way; `code` says why, if the protocol has such codes."""

    def vanish(self) -> None:
        """Close the connection abruptly, with a TCP reset."""

    def hang_up(self) -> None:
        """Close the socket."""


C = TypeVar("C", bound=PeerConnection)


@dataclass(frozen=True)
class Closing:
    """Closes the connection instead of answering; `code` is the close code, None means without a close frame."""

    code: int | None


class Peer(ABC, Generic[C]):
    """A server on a port, until it is closed.

    It answers each message with the next of the prepared answers, as soon as there is one. `connection` is the
    connection that was opened last. Raises ForeignListenerError if the port is taken.
    """

    def __init__(self, port: int) -> None:
        self._listeners = [listener for family, host in LOOPBACK if (listener := listen(family, host, port))]
        if not self._listeners:
            raise ForeignListenerError
        self.port = port
        self.transcript = Transcript()
        self.who = ""  # the client's name in transcripts
        self.connection: C | None = None
        self.arrived = 0  # messages
        self.accepted = 0  # connections, with or without an opening handshake
        self._inbox: deque[Any] = deque()  # messages that have arrived and were not taken
        self._answers: deque[str | Closing] = deque()
        self._unanswered = 0
        self._lock = threading.RLock()
        self._connections: list[C] = []
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

    @abstractmethod
    def _accept(self, sock: socket.socket) -> C:
        """Return a new connection."""

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

    def take(self) -> Any:
        """Take the oldest message that was not taken."""
        with self._lock:
            return self._inbox.popleft()

    def waiting(self) -> list[Any]:
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
    def shutdown(self) -> Any:
        """How the last connection was closed; None if it is open, or if there has been no connection."""
        return self.connection.shutdown if self.connection is not None else None

    @property
    def error(self) -> ExchangeError | None:
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

    def _serve_one(self, ready: Any, mask: int) -> None:
        if ready is self._wake:
            with contextlib.suppress(OSError):
                self._wake.recv(4096)
        elif not isinstance(ready, socket.socket):
            if mask & selectors.EVENT_READ:
                ready.read()
            if mask & selectors.EVENT_WRITE:
                ready.write()
            if ready.fileno() < 0:  # unregister it now: the next connection may get the same descriptor
                self._drop(ready)
        else:
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
            connection = self._accept(sock)
            self._connections = [*living, connection]
            self._selector.register(connection, selectors.EVENT_READ)

    def _look_after(self, connection: C) -> None:
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
        elif len(self._inbox) < MOST_MESSAGES and sum(each.size for each in self._inbox) < 4 * connection.most:
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

    def _post(self, connection: C, text: str) -> None:
        connection.post(text)
        connection.write()  # now, so that a caller can wait until the client is idle again
        self._nudge()  # the thread writes the rest

    def _drop(self, connection: C) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection)


def listen(family: int, host: str, port: int) -> socket.socket | None:
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
