"""What labcheck's own servers have in common: they serve a port in a thread of their own.

They listen on both loopback addresses. A client is accepted at any time, no matter what the checks do, and none can
hold up another: no method of a connection waits.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar

from labcheck.errors import ForeignListenerError
from labcheck.program.machine import lack, open_socket
from labcheck.program.ports import LOOPBACK

BACKLOG = 16


class Connection(Protocol):
    """A connection from the student's client. Its methods never wait."""

    @property
    def wants_to_write(self) -> bool:
        """Whether data is waiting to be written."""

    def fileno(self) -> int:
        """Return the socket's file descriptor; -1 if it is closed."""

    def read(self) -> None:
        """Read what has arrived."""

    def write(self) -> None:
        """Write as much as the client can take now."""

    def hang_up(self) -> None:
        """Close the socket."""


S = TypeVar("S", bound=Connection)


class Serving(ABC, Generic[S]):
    """Serves a port until it is closed. Raises ForeignListenerError if the port is taken.

    `addresses` are those that it listens on, and `accepted` is the number of connections so far. The thread starts in
    `__init__`, so a subclass sets its own attributes first. It holds the lock in all methods of a subclass.
    """

    def __init__(self, port: int) -> None:
        found = [(host, listen(family, host, port)) for family, host in LOOPBACK]
        self._listeners = [listener for _, listener in found if listener is not None]
        if not self._listeners:
            raise ForeignListenerError
        self.addresses = [host for host, listener in found if listener is not None]
        self.port = port
        self.accepted = 0
        self._lock = threading.RLock()
        self._connections: list[S] = []
        self._stopped = False
        self._fault: Exception | None = None  # the exception that ended the thread
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        for sock in (self._wake, *self._listeners):
            self._selector.register(sock, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @abstractmethod
    def _accept(self, sock: socket.socket) -> S | None:
        """Return a new connection; None: there are too many."""

    @abstractmethod
    def _look_after(self, connection: S) -> None:
        """Process what a connection has received, then wait for what comes next, or drop it."""

    def raise_fault(self) -> None:
        """Raise an error if the thread has failed: then silence is not the client's failure."""
        if self._fault is not None:
            failed = RuntimeError("the server that the client talks to has failed")
            raise lack(self._fault) or failed from self._fault

    def close(self) -> None:
        """Stop the server. May be called again."""
        self._stopped = True
        self._nudge()
        self._thread.join()

    def _nudge(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send(b"x")

    def _wait_for(self, connection: S) -> None:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.wants_to_write else 0)
        with contextlib.suppress(KeyError, ValueError):  # it has been dropped, or closed
            self._selector.modify(connection, wanted)

    def _drop(self, connection: S) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection)

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
        elif isinstance(ready, socket.socket):
            self._accept_from(ready)
        else:
            if mask & selectors.EVENT_READ:
                ready.read()
            if mask & selectors.EVENT_WRITE:
                ready.write()
            if ready.fileno() < 0:  # unregister it now: the next connection may get the same descriptor
                self._drop(ready)

    def _accept_from(self, listener: socket.socket) -> None:
        try:
            sock, _ = listener.accept()
        except OSError as error:
            if lack(error):
                raise
            return
        self.accepted += 1
        connection = self._accept(sock)
        if connection is None:
            sock.close()
            return
        self._connections.append(connection)
        self._selector.register(connection, selectors.EVENT_READ)


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
