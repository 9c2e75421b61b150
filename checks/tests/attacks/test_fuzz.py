"""Mutated bytes: all that a program may send, and all that may be in a file of results, end in a verdict, and soon.

Each test makes random changes to right bytes. The seed is in its output; LABCHECK_FUZZ repeats it.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import random
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from websockets.utils import accept_key

from conftest import record_of
from labcheck.errors import ExchangeError
from labcheck.program.activity import Activity
from labcheck.program.ports import Port
from labcheck.protocols.deadline import Deadline
from labcheck.protocols.http.answer import numbers
from labcheck.protocols.http.client import Connection as HttpConnection
from labcheck.protocols.manners import Manners
from labcheck.protocols.websocket.connection import WebSocketClient
from labcheck.protocols.websocket.peer import Connection, Peer
from labcheck.record.record import Outcome, Record, RequirementResult
from labcheck.record.result import GRADED, Result
from labcheck.record.transcript import Transcript
from labcheck.suites.lab1.markup import tags_with

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_SECONDS = 10.0  # for one case; the connection is closed after the bytes, so most take a millisecond
UNKNOWN = Activity(lambda: 2**22 + 1, lambda: True)  # of no process
NO_GUARD = "bytes are not a WebSocket connection ("  # words of an error that no bytes should lead to
KEY = "dGhlIHNhbXBsZSBub25jZQ=="

PAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 25\r\n\r\n"
    b"<b>1 &lt;&#38;</b> 2026 \xc3\xa9"
)
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nyou\r\n0\r\nX: y\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.0 404 Not Found\r\nServer: me\r\n\r\nnothing here"
FRAMES = b"\x81\x05hello\x01\x02he\x80\x03llo\x82\x02\x00\xff\x89\x01p\x8a\x00\x81\x7e\x00\x80" + b"x" * 128
CLOSING = b"\x88\x05\x03\xe8bye"
REQUEST = (
    b"GET /chat?x=1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
MASKED = (  # a text, a ping, a compressed text, and the end
    b"\x81\x85\x01\x02\x03\x04igohn\x89\x80\x00\x00\x00\x00"
    b"\xc1\x82\x00\x00\x00\x00\x4b\x04\x88\x82\x00\x00\x00\x00\x03\xe8"
)
RESPONSE = (
    f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {accept_key(KEY)}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
).encode()
PARTS = (
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b"\x00",
    b"\xff\xff",
    b": ",
    b" ",
    b"-1",
    b"9" * 30,
    b"\xb2",
    b"\x80",
    b"<!--",
    b"&#",
)
VALUES: tuple[object, ...] = (None, True, -1, 10**400, 1e308, "", "\ud800", [], {}, [[]], {"x": 1}, "passed")


@pytest.fixture(params=[pytest.param(1, id="few"), pytest.param(30, id="many", marks=pytest.mark.everything)])
def cases(request: pytest.FixtureRequest) -> Callable[[int], random.Random]:
    """How often to repeat a test, and the random choices; a few in the fast lane."""
    seed = os.environ.get("LABCHECK_FUZZ") or str(random.randrange(10**6))
    print(f"LABCHECK_FUZZ={seed}")
    request.node.times = request.param
    return lambda number: random.Random(f"{seed} {request.node.originalname} {number}")


def times(request: pytest.FixtureRequest, few: int) -> range:
    """Return the numbers of the cases."""
    return range(few * request.node.times)


def mutated(data: bytes, some: random.Random) -> bytes:
    """Return the bytes with a few random changes."""
    changed = bytearray(data)
    for _ in range(some.choice((0, 1, 1, 2, 3, 8))):
        place = some.randrange(len(changed) + 1)
        match some.randrange(6):
            case 0:
                changed[place : place + 1] = bytes([some.randrange(256)])
            case 1:
                del changed[place : place + some.choice((1, 2, 40))]
            case 2:
                changed[place:place] = some.randbytes(some.randrange(12))
            case 3:
                changed[place:place] = some.choice(PARTS) * some.choice((1, 1, 3, 300))
            case 4:
                changed[place:place] = changed[: some.randrange(len(changed) + 1)]
            case 5 if changed:
                changed[place % len(changed)] ^= 1 << some.randrange(8)
    return bytes(changed[:60_000])  # less than a socket takes at once


@contextlib.contextmanager
def pair() -> Any:
    """Yield two sockets that are connected to each other."""
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_answers(request: pytest.FixtureRequest, cases: Callable[[int], random.Random]) -> None:
    """Bytes of an HTTP server are an answer that can be read, or an error of the exchange."""
    for number in times(request, 150):
        some, began = cases(number), time.monotonic()
        data = mutated(some.choice((PAGE, CHUNKS, INTERIM, PAGE + PAGE)), some)
        with pair() as (ours, theirs), contextlib.suppress(ExchangeError):
            theirs.sendall(data)
            theirs.close()
            with HttpConnection(ours, Transcript(), Deadline(5), Manners(), None, 8001) as connection:
                if some.random() < 0.1:
                    connection.read_refusal()
                    continue
                answer = connection.read_answer(some.choice(("GET", "GET", "HEAD")))
            assert numbers(answer) is not None
            assert "nothing like this" not in answer.shown
            tags_with("word", answer.source.folded)
            for part, wanted in ((answer.body, b"x"), (answer.status, 1), (answer.media_type, "x")):
                assert str(part.mismatch("==", wanted).received) is not None
            assert f"{answer} {answer.content_length} {answer.second} {answer.broke_off} {answer.as_announced()}"
        assert time.monotonic() - began < MOST_SECONDS, data


def test_frames_for_a_client(
    request: pytest.FixtureRequest, cases: Callable[[int], random.Random], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes of a WebSocket server are messages, or an error of the exchange."""
    monkeypatch.setattr("websockets.client.generate_key", lambda: KEY)
    for number in times(request, 100):
        some, began = cases(number), time.monotonic()
        plain = RESPONSE.replace(b"Sec-WebSocket-Extensions: permessage-deflate\r\n", b"")
        data = mutated(some.choice((plain + FRAMES + CLOSING, RESPONSE + FRAMES, plain + FRAMES)), some)
        with pair() as (ours, theirs):
            client = WebSocketClient(
                ours, 8002, Transcript(), Deadline(5), 5, Manners(), UNKNOWN, compression=some.random() < 0.5
            )
            theirs.sendall(data)
            theirs.shutdown(socket.SHUT_WR)
            try:
                client.open()
                while True:
                    assert client.receive().words
            except ExchangeError:
                client.leave()
            assert NO_GUARD not in str(client.error), data
        assert time.monotonic() - began < MOST_SECONDS, data


def test_frames_for_our_server(request: pytest.FixtureRequest, cases: Callable[[int], random.Random]) -> None:
    """Bytes of a WebSocket client, in pieces of any size, are messages, or an error of its connection."""
    for number in times(request, 200):
        some, began = cases(number), time.monotonic()
        data = left = mutated(some.choice((REQUEST, REQUEST + MASKED, REQUEST + MASKED * 20)), some)
        with pair() as (ours, theirs):
            connection = Connection(ours, Transcript(), "")
            while left and connection.fileno() >= 0:
                size = some.choice((1, 2, 7, 100, 10_000, 10_000))
                theirs.sendall(left[:size])
                left = left[size:]
                connection.read()
                if some.random() < 0.1:
                    connection.post("an answer")
            theirs.close()
            for _ in range(3):
                if connection.fileno() >= 0:
                    connection.read()
            assert connection.shutdown is not None
            assert NO_GUARD not in str(connection.error), data
            connection.hang_up()
        assert time.monotonic() - began < MOST_SECONDS, data


def test_connections_to_our_server(request: pytest.FixtureRequest, cases: Callable[[int], random.Random]) -> None:
    """After any bytes and any end of other connections, labcheck's server still answers."""
    port = Port()
    peer = Peer(port.number)
    for number in times(request, 10):
        some = cases(number)
        with socket.create_connection(("127.0.0.1", port.number)) as sock, contextlib.suppress(OSError):
            sock.sendall(mutated(some.choice((REQUEST, REQUEST + MASKED)), some))
            peer.answer("an answer")
            if some.random() < 0.5:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.raise_fault()
    with socket.create_connection(("127.0.0.1", port.number), 10) as sock:
        sock.sendall(REQUEST)
        assert sock.recv(12) == b"HTTP/1.1 101"
    peer.raise_fault()
    peer.close()
    port.release()


def test_results(request: pytest.FixtureRequest, cases: Callable[[int], random.Random]) -> None:
    """A line of a file of results is one, or is refused with ValueError."""
    failed = RequirementResult("1.1", "A title", Outcome.FAILED, reason="it (a.py, line 3)", expected="a", received="b")
    record = record_of([RequirementResult("1.2", "Another title", Outcome.PASSED), failed])
    table = json.loads(Result("0" * 64, "somebody", GRADED, record=record).to_json())
    for number in times(request, 400):
        some, began = cases(number), time.monotonic()
        line = changed_line(table, some)
        with contextlib.suppress(ValueError):
            Result.from_json(line)
        with contextlib.suppress(ValueError):
            Record.from_json(changed_line(table["record"], some))
        assert time.monotonic() - began < MOST_SECONDS, line


def changed_line(table: dict[str, Any], some: random.Random) -> str:
    """Return a line in which a value of the table was replaced or left out, or some letters are others."""
    if some.random() < 0.3:
        return mutated(json.dumps(table).encode(), some).decode("utf-8", "replace")
    table = copy.deepcopy(table)
    place: Any = table
    while True:
        key = some.choice([*place] if isinstance(place, dict) else range(len(place)))
        if isinstance(place[key], dict | list) and place[key] and some.random() < 0.8:
            place = place[key]
            continue
        if some.random() < 0.2:
            del place[key]
        else:
            place[key] = some.choice(VALUES)
        return json.dumps(table)
