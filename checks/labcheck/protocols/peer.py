"""labcheck's own server, which the student's client connects to; each kind adds what its connections speak.

It has a thread of its own: so it accepts a client at any time, and answers its pings while the checks of another
program run.
"""

from __future__ import annotations

import contextlib
import selectors
from abc import abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from labcheck.protocols.serving import Connection, Serving
from labcheck.record.transcript import Transcript

if TYPE_CHECKING:
    import socket

    from labcheck.errors import ExchangeError

MOST_CONNECTIONS = 8  # open connections; further ones are closed at once
MOST_MESSAGES = 5_000  # messages that have arrived and were not taken; then no more are read


class PeerConnection(Connection, Protocol):
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

    def post(self, text: str) -> None:
        """Send a message as soon as the client can take it."""

    def say_goodbye(self, code: int) -> None:
        """Close the connection in the usual way; `code` says why, if the protocol has such codes."""

    def vanish(self) -> None:
        """Close the connection abruptly, with a TCP reset."""


C = TypeVar("C", bound=PeerConnection)


@dataclass(frozen=True)
class Closing:
    """Closes the connection instead of answering; `code` is the close code, None means without a close frame."""

    code: int | None


class Peer(Serving[C]):
    """A server on a port, until it is closed; its connections carry messages.

    It answers each message with the next of the prepared answers, as soon as there is one. `connection` is the
    connection that was opened last. Raises ForeignListenerError if the port is taken.
    """

    def __init__(self, port: int) -> None:
        self.transcript = Transcript()
        self.who = ""  # the client's name in transcripts
        self.connection: C | None = None
        self.arrived = 0  # messages
        self._inbox: deque[Any] = deque()  # messages that have arrived and were not taken
        self._answers: deque[str | Closing] = deque()
        self._unanswered = 0
        super().__init__(port)

    def _accept(self, sock: socket.socket) -> C | None:
        self._connections = [connection for connection in self._connections if connection.shutdown is None]
        return self._connection(sock) if len(self._connections) < MOST_CONNECTIONS else None

    @abstractmethod
    def _connection(self, sock: socket.socket) -> C:
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

    def forget(self) -> None:
        """Stop recording events."""
        with self._lock:
            self.transcript = Transcript()
            for connection in self._connections:
                connection.transcript = self.transcript

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
            self._wait_for(connection)
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
