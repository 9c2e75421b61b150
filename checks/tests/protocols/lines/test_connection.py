"""Lines and bytes over TCP: what arrives is compared, and a report says in words what is missing."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from labcheck.errors import ExchangeError, Trouble
from labcheck.program.activity import Activity
from labcheck.protocols.deadline import Deadline
from labcheck.protocols.lines.connection import LONGEST, LineConnection
from labcheck.protocols.manners import Manners
from labcheck.protocols.stream import printf_by_hand
from labcheck.record.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator


NO_LINE = "no line came, and the program is idle: it waits for input"


class AtRest(Activity):
    """The activity of a program that waits for input."""

    def __init__(self) -> None:
        super().__init__(lambda: 2**22 + 1, lambda: True)

    def waits_for_input(self) -> bool:
        """Return that it does."""
        return True


class Unknown(AtRest):
    """The activity of a program on a system that does not report it."""

    def waits_for_input(self) -> bool:
        """Return that this is unknown."""
        return False


@contextmanager
def connection(activity: Activity | None = None, seconds: float = 10) -> Iterator[tuple[LineConnection, socket.socket]]:
    """Yield a connection, and the server's end of it."""
    ours, theirs = socket.socketpair()
    with (
        theirs,
        LineConnection(
            ours, Transcript(), Deadline(seconds), Manners(), activity or Unknown(), 8004, "Ann"
        ) as client,
    ):  # fmt: skip
        yield client, theirs


def test_lines_arrive_in_any_pieces() -> None:
    """A line ends with LF, or with CR and LF; what follows it belongs to the next line."""
    with connection() as (client, server):
        client.say("one", "zwei", "trois é")
        assert server.recv(1000) == "one\nzwei\ntrois é\n".encode()
        server.sendall(b"1\r\n2\nthree")
        assert [client.read_line(), client.read_line()] == ["1", "2"]
        server.sendall(b" times\n")
        assert client.read_line() == "three times"
        events = [(event.kind, event.who) for event in client._transcript.events]
    assert events[0] == ("sent", "Ann")
    assert {kind for kind, _ in events} == {"sent", "received"}


def test_bytes_arrive() -> None:
    """A protocol may have no lines; bytes that were read before count."""
    with connection() as (client, server):
        server.sendall(b"\x00\x01\x02")
        assert client.so_far() == b"\x00\x01\x02"
        assert client.read_bytes(2) == b"\x00\x01"
        server.sendall(b"\xff")
        server.close()
        assert client.read_to_end() == b"\x02\xff"


@pytest.mark.parametrize(
    ("sent", "closes", "trouble", "words"),
    [
        (b"Hello", True, Trouble.CLOSED, 'the connection was closed after 5 bytes, no line end: "Hello", before the'),
        (b"", True, Trouble.CLOSED, "the connection was closed without an answer, before the line"),
        (b"Hello", False, Trouble.SLOW, f'{NO_LINE}; after 5 bytes, no line end: "Hello"'),
        (b"", False, Trouble.SILENT, NO_LINE),
        (b"\xff\n", False, Trouble.MALFORMED, "the line is not UTF-8 from byte 1 on"),
    ],
)  # fmt: skip
def test_line_that_does_not_come(sent: bytes, closes: bool, trouble: Trouble, words: str) -> None:
    """The error says why, with the number of bytes that came without a line end."""
    with connection(AtRest()) as (client, server):
        server.sendall(sent)
        if closes:
            server.close()
        with pytest.raises(ExchangeError) as caught:
            client.read_line()
    assert str(caught.value).startswith(words)
    assert caught.value.trouble is trouble


def test_deadline_ends_a_wait() -> None:
    """If the system does not report what the program does, the deadline ends the wait."""
    with connection(seconds=0.1) as (client, _), pytest.raises(ExchangeError, match=r"no 3 bytes within 0\.1"):
        client.read_bytes(3)


def test_line_without_end_is_cut_off() -> None:
    """A program that sends a line for ever does not use up the memory."""
    with connection() as (client, server):
        server.settimeout(10)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * LONGEST)
        client._buffer += b"x" * LONGEST
        server.sendall(b"y")
        with pytest.raises(ExchangeError, match="more than 1,048,576 bytes") as caught:
            client.read_line()
    assert caught.value.trouble is Trouble.TOO_LARGE


def test_comparisons_are_explained() -> None:
    """A report shows both lines, and where they differ."""
    with connection() as (client, server):
        server.sendall(b"Helo\nabc")
        found = client.read_line().mismatch("==", "Hello")
        assert found.difference is not None
        assert found.difference.place == 4
        assert client.read_bytes(3).mismatch("==", b"abd").difference is not None


@pytest.mark.parametrize(
    ("data", "command"),
    [
        (b"TIME\n", r"printf 'TIME\n' | nc localhost 8004"),
        (b"100%\\\r\n", r"printf '100%%\\\r\n' | nc localhost 8004"),
        ("é\n".encode(), r"printf 'é\n' | nc localhost 8004"),
        (b"\xe9\n", ""),  # a terminal sends UTF-8
        (b"\x00", ""),
    ],
)
def test_command_sends_the_same_bytes(data: bytes, command: str) -> None:
    """What cannot be written in a line of text has no command."""
    assert printf_by_hand(data, 8004) == command
