"""What labcheck's own servers have in common: they accept clients at any time, and report what goes wrong in them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from conftest import until
from labcheck.errors import ForeignListenerError
from labcheck.program.ports import Port
from labcheck.protocols.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator


class Echo:
    """A connection that sends back what arrives; a zero byte is its mistake."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._socket.setblocking(False)
        self._out = b""

    @property
    def wants_to_write(self) -> bool:
        return bool(self._out)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> None:
        data = self._socket.recv(1024)
        if b"\0" in data:
            raise ValueError("a zero byte")
        self._out += data
        if not data:
            self.hang_up()

    def write(self) -> None:
        self._out = self._out[self._socket.send(self._out) :]

    def hang_up(self) -> None:
        self._socket.close()


class Echoes(Serving[Echo]):
    """A server of two connections."""

    def _accept(self, sock: socket.socket) -> Echo | None:
        return Echo(sock) if len(self._connections) < 2 else None

    def _look_after(self, connection: Echo) -> None:
        self._wait_for(connection)


@pytest.fixture
def served() -> Iterator[Echoes]:
    port = Port()
    server = Echoes(port.number)
    yield server
    server.close()
    server.close()
    port.release()


def connected(server: Echoes, address: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((address, server.port), timeout=10)


def test_clients_are_served_side_by_side_on_each_address(served: Echoes) -> None:
    """A client that says nothing holds up nobody, and one too many is refused at once."""
    assert "127.0.0.1" in served.addresses
    with connected(served), connected(served, served.addresses[-1]) as second, connected(served) as third:
        second.sendall(b"hello")
        assert second.recv(100) == b"hello"
        assert third.recv(100) == b""
        assert served.accepted == 3
    served.close()  # after the clients have left, which is no fault
    served.raise_fault()


def test_exception_in_the_thread_is_reported(served: Echoes) -> None:
    """It ends the server, whose clients see the end of their connections, and a check hears the cause."""
    with connected(served) as client, connected(served) as other:
        other.sendall(b"x")
        assert other.recv(1) == b"x"
        client.sendall(b"\0")
        assert other.recv(1) == b""

    def is_reported() -> bool:
        try:
            served.raise_fault()
        except RuntimeError as error:
            return isinstance(error.__cause__, ValueError)
        return False

    until(is_reported)


def test_port_that_is_taken_is_no_server(served: Echoes) -> None:
    """A server that listens on none of its addresses does not begin."""
    with pytest.raises(ForeignListenerError):
        Echoes(served.port)
