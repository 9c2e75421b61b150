"""labcheck's end of a WebSocket: how it reads the bytes of the other side, and the words of its errors."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.server import ServerProtocol
from websockets.sync.client import connect
from websockets.utils import accept_key

from conftest import CHECKOUT, until
from labcheck.errors import Trouble, WebSocketError
from labcheck.program.activity import Activity
from labcheck.program.ports import Port
from labcheck.protocols.deadline import Deadline
from labcheck.protocols.manners import Manners
from labcheck.protocols.websocket.connection import WebSocketClient
from labcheck.protocols.websocket.evidence import Message, Messages
from labcheck.protocols.websocket.peer import Connection, Peer
from labcheck.record.transcript import Transcript

if TYPE_CHECKING:
    import selectors
    from collections.abc import Callable, Iterator
    from pathlib import Path

UNKNOWN = Activity(lambda: 2**22 + 1, lambda: True)  # there is no such process, so the system reports nothing
HELLO = b"\x81\x05hello"
CLOSE_FRAME = b"\x88\x02\x03\xe8"  # 1000


def handshake(request: bytes, accept: str | None = None) -> bytes:
    """Return the correct answer to an opening handshake, or one with another accept value."""
    found = re.search(rb"Sec-WebSocket-Key: (\S+)", request)
    assert found
    value = accept or accept_key(found[1].decode())
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{head}Sec-WebSocket-Accept: {value}\r\n\r\n".encode()


@contextmanager
def connected_to(
    answer: Callable[[bytes], bytes], patience: float = 5, *, stays: bool = False
) -> Iterator[WebSocketClient]:
    """Connect to a server that answers a request with these bytes and then closes the connection or stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(answer(peer.recv(65536)))
                if not stays:
                    peer.shutdown(socket.SHUT_WR)
                while peer.recv(65536):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        sock = socket.create_connection(listener.getsockname())
        port = listener.getsockname()[1]
        client = WebSocketClient(sock, port, Transcript(), Deadline(20), patience, Manners(), UNKNOWN, "Ann")
        try:
            yield client
        finally:
            client.hang_up()
            thread.join()


OPENING = {
    "no answer": (lambda _: b"", Trouble.CLOSED, "closed without an answer to the opening handshake"),
    "a page": (
        lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        Trouble.MALFORMED,
        "the answer to the opening handshake is 200 OK, not 101 Switching Protocols",
    ),
    "another key": (
        lambda request: handshake(request, "dGhlIHNhbXBsZSBub25jZQ=="),
        Trouble.MALFORMED,
        "Sec-WebSocket-Accept is dGhlIHNhbXBsZSBub25jZQ==; for this key it must be ",
    ),
    "no upgrade": (
        lambda _: b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        Trouble.MALFORMED,
        "the answer to the opening handshake is not valid",
    ),
    "no HTTP": (lambda _: b"hello\r\n\r\n", Trouble.MALFORMED, "is not an answer to the opening handshake: 'hello"),
}


@pytest.mark.parametrize("case", OPENING)
def test_failed_opening_handshake_is_explained(case: str) -> None:
    """An invalid answer to the opening handshake is explained, and shown."""
    answer, trouble, words = OPENING[case]
    with connected_to(answer) as client, pytest.raises(WebSocketError) as caught:
        client.open()
    assert words in str(caught.value)
    assert caught.value.trouble is trouble


FRAMES = {
    "masked": (b"\x81\x85\x00\x00\x00\x00hello", Trouble.MALFORMED, "incorrect masking"),
    "reserved bit": (b"\xc1\x05hello", Trouble.MALFORMED, "reserved bits"),
    "unknown opcode": (b"\x83\x00", Trouble.MALFORMED, "invalid opcode"),
    "not UTF-8": (b"\x81\x02\xc3\x28", Trouble.MALFORMED, "a text message is not UTF-8: c3 28"),
    "too long": (
        b"\x81\x7f\x00\x00\x00\x00\xff\xff\xff\xff",
        Trouble.TOO_LARGE,
        "a message does not end, or is too large",
    ),
    "without end": (
        b"\x01\x02he" + b"\x00\x00" * 20_480,
        Trouble.TOO_LARGE,
        "a message does not end: more than 20,480 frames of it arrived",
    ),
    "closed": (CLOSE_FRAME, Trouble.CLOSED, "closed with code 1000 (normal closure) before the message arrived"),
    "closed without a code": (b"\x88\x00", Trouble.CLOSED, "the close frame had no code"),
    "a reason": (b"\x88\x06\x03\xe9late", Trouble.CLOSED, 'code 1001 (going away), "late"'),
    "cut": (b"", Trouble.CLOSED, "the connection was cut without a close frame (1006)"),
    "cut in a frame": (b"\x81\x05he", Trouble.CLOSED, "the connection was cut without a close frame (1006)"),
}


@pytest.mark.parametrize("case", FRAMES)
def test_wrong_frame_is_explained(case: str) -> None:
    """Anything that arrives instead of a message is explained."""
    data, trouble, words = FRAMES[case]
    with connected_to(lambda request: handshake(request) + data) as client, pytest.raises(WebSocketError) as caught:
        client.open().receive()
    assert words in str(caught.value)
    assert caught.value.trouble is trouble


@pytest.mark.parametrize(("in_all", "patience"), [(20, 0.05), (0.05, 20)], ids=["patience", "the end of all time"])
def test_silence_is_reported_with_its_seconds(in_all: float, patience: float) -> None:
    """If nothing arrives, the error comes as soon as the patience is over, and names that time."""
    ours, theirs = socket.socketpair()
    with theirs:
        client = WebSocketClient(ours, 1, Transcript(), Deadline(in_all), patience, Manners(), UNKNOWN)
        with pytest.raises(WebSocketError, match=r"no answer to the opening handshake within 0\.\d+ s") as caught:
            client.open()
        assert caught.value.trouble is Trouble.SILENT
        missed = client.transcript.events[-1]
        assert (missed.kind, missed.data.decode()) == ("missed", str(caught.value))
        assert 0.05 <= missed.seconds < 10
        client.hang_up()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports what threads do")
def test_nothing_is_expected_of_a_server_that_waits() -> None:
    """A server that waits for input itself sends nothing more: the wait ends long before the time is over."""
    ours, theirs = socket.socketpair()
    with theirs, subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as server:
        waiting = Activity(lambda: server.pid, lambda: True)
        client = WebSocketClient(ours, 1, Transcript(), Deadline(1000), 1000, Manners(), waiting)
        with pytest.raises(WebSocketError, match="no answer to the opening handshake came, and the server is idle"):
            client.open()
        assert client.leave() == []
        server.kill()


def test_client_does_not_wait_for_a_server_that_accepts_too_much() -> None:
    """A server that sends a too large message back has accepted it: the client does not wait any longer."""
    with connected_to(lambda request: handshake(request) + HELLO, patience=60, stays=True) as client:
        assert client.open().send_too_much("hello").code is None
        assert not client.deadline.passed()


def test_message_is_put_together_from_its_frames() -> None:
    """Fragments with a ping between them make one message, and the ping is answered."""
    pieces = b"\x01\x02he" + b"\x89\x04ping" + b"\x80\x03llo" + b"\x82\x02\xff\x00"
    with connected_to(lambda request: handshake(request) + pieces + CLOSE_FRAME) as client:
        first, second = client.open().receive(), client.receive()
        assert client.shut(5) == 1000
        events = [(event.kind, event.what) for event in client.transcript.events]
    assert first == "hello"
    assert (second.binary, second.data) == (True, b"\xff\x00")
    assert second != "\\xff\x00"
    assert events[2:5] == [("received", "text, more to come"), ("received", "ping"), ("received", "cont")]
    assert events[-2:] == [("received", "close 1000"), ("sent", "close 1000")]


def test_large_message_may_come_in_the_smallest_frames() -> None:
    """A program that knows only the shortest header, for up to 125 bytes, can send 1 MiB."""
    whole, rest = divmod(1 << 20, 125)
    pieces = b"\x01\x00" + (b"\x00\x7d" + b"a" * 125) * whole + bytes([0x80, rest]) + b"a" * rest
    with connected_to(lambda request: handshake(request) + pieces) as client:
        assert client.open().receive() == "a" * (1 << 20)


def test_other_messages_are_not_lost() -> None:
    """Messages before a mark are put aside; if the mark does not arrive, nothing is lost."""
    with connected_to(lambda request: handshake(request) + HELLO + b"\x81\x03you") as client:
        assert client.open().hear("you") == "you"
        assert [message.text for message in client.aside] == ["hello"]
    with connected_to(lambda request: handshake(request) + HELLO) as client:
        with pytest.raises(WebSocketError, match="cut without a close frame"):
            client.open().hear("you")
        assert client.receive() == "hello"


def test_marks_are_collected_in_the_order_of_their_messages() -> None:
    """Of several marks in one message, the first counts; what has none is put aside, and the end ends the search."""
    texts = (b"2:", b"hello", b"x0:1:", b"a.b", b"2:")
    sent = b"".join(b"\x81" + bytes([len(text)]) + text for text in texts)
    with connected_to(lambda request: handshake(request) + sent) as client:
        came = client.open().collect(["0:", "1:", "2:", "a+b", "axb", "."])
    assert came == ["2:", "0:", ".", "2:"]
    assert [message.text for message in client.aside] == ["hello"]


def test_messages_show_the_first_difference() -> None:
    """The first difference between two lists of messages is shown, for lists of any length."""
    came = Messages([Message("one"), Message("three")])
    mismatch = came.mismatch("==", ["one", "two", "three"])
    assert mismatch.expected == 'message 2 of 3: "two"'
    assert mismatch.received == 'message 2 of 2: "three"; differs from character 2 on'
    assert Message("one").mismatch("==", "on").received == 'the message "one"; differs from character 3 on'
    more = Messages(["one", "two"])
    assert more.mismatch("==", ["one"])[:2] == ("only 1 message", 'message 2 of 2: "two"')
    assert Messages(["one"]).mismatch("==", []).expected == "no message"


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Run labcheck's own server."""
    port = Port()
    found = Peer(port.number)
    yield found
    found.close()
    port.release()


def test_peer_sends_the_prepared_answers(peer: Peer) -> None:
    """Each message is answered as soon as an answer is prepared, before or after it arrives."""
    peer.answer("first")
    with connect(f"ws://localhost:{peer.port}/path") as client:
        client.send("one")
        assert client.recv(10) == "first"
        client.send("two")
        peer.answer("second")
        assert client.recv(10) == "second"
        assert [message.text for message in peer.waiting()] == ["one", "two"]
        assert peer.connection is not None
        assert peer.connection.target == "/path"
        assert peer.settled


HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"\xff\xff", "the client's request is not an opening handshake"),
        (b"\xff\xff\r\n\r\n", "the client's request is not an opening handshake"),
        (HANDSHAKE + b"\xff\xff", "the bytes after the client's opening handshake are not a WebSocket frame"),
        (HANDSHAKE.replace(b"13", b"\xff"), "the client's request is not an opening handshake"),
        (
            HANDSHAKE.replace(b": Upgrade", b": Upade") + b"\x81\x85\0\0\0\0hello" + b"\x88\x82\0\0\0\0\x03\xe8",
            "the client's request is not an opening handshake: invalid Connection header: Upade",
        ),
    ],
)
def test_nonsense_on_one_connection_is_its_own_error(peer: Peer, sent: bytes, said: str) -> None:
    """The error of bytes that make no sense belongs to its connection: labcheck's server goes on, also with others."""
    with connect(f"ws://localhost:{peer.port}/") as before, socket.create_connection(("127.0.0.1", peer.port)) as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        until(lambda: peer.error)
        assert peer.error is not None
        assert (peer.error.trouble, str(peer.error)[: len(said)]) == (Trouble.MALFORMED, said)
        peer.answer("here")
        before.send("one")
        assert before.recv(10) == "here"
    with connect(f"ws://localhost:{peer.port}/") as after:
        peer.answer("there")
        after.send("two")
        assert after.recv(10) == "there"
    peer.raise_fault()


def test_failure_in_the_library_is_the_error_of_the_connection(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the library fails on some bytes, this ends one connection with an error in words."""

    def fail(*_: object) -> None:
        raise AssertionError

    with socket.create_connection(("127.0.0.1", peer.port)) as sock:
        monkeypatch.setattr(ServerProtocol, "receive_data", fail)
        sock.sendall(b"some bytes")
        until(lambda: peer.error)
        assert str(peer.error) == "the client's bytes are not a WebSocket connection (AssertionError): 'some bytes'"
        assert sock.recv(1) == b""
    peer.raise_fault()


def test_peer_limits_its_connections(peer: Peer) -> None:
    """Of many connections only some are accepted, and a message from one of them is still received."""
    crowd = [socket.create_connection(("127.0.0.1", peer.port)) for _ in range(30)]
    turned_away = [sock for sock in crowd[8:] if sock.recv(1) == b""]
    assert len(turned_away) == 22
    crowd[0].close()
    for sock in crowd:
        sock.close()


def test_new_connection_may_get_the_descriptor_of_a_closed_one(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that ends and one that begins, both noticed at the same time, do not end the peer's thread."""
    gone = socket.create_connection(("127.0.0.1", peer.port))
    until(lambda: peer.accepted == 1)
    select, looking = peer._selector.select, threading.Event()

    def both(timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        looking.set()
        while len(found := [each for each in select(timeout) if each[0].fileobj is not peer._wake]) < 2:
            pass
        monkeypatch.undo()
        return sorted(found, key=lambda each: not isinstance(each[0].fileobj, Connection))

    monkeypatch.setattr(peer._selector, "select", both)
    peer._nudge()
    assert looking.wait(10)
    gone.close()
    with connect(f"ws://localhost:{peer.port}/") as client:
        peer.answer("welcome")
        client.send("hello")
        assert client.recv(10) == "welcome"
    peer.raise_fault()


def test_messages_are_taken_while_others_arrive(peer: Peer) -> None:
    """No matter how the peer's thread and a check take turns, no message is lost, and the thread continues."""
    numbers = [str(number) for number in range(1000)]

    def talk() -> None:
        with connect(f"ws://localhost:{peer.port}/") as client, contextlib.suppress(ConnectionClosed):
            for number in numbers:
                client.send(number)
            client.recv()  # until the peer closes the connection

    speaker = threading.Thread(target=talk)
    taken: list[str] = []
    limit = time.monotonic() + 20
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        speaker.start()
        while len(taken) < len(numbers) and time.monotonic() < limit:
            peer.raise_fault()
            if peer.has_message:
                taken.append(peer.take().text)
    finally:
        sys.setswitchinterval(usual)
        peer.close()
        speaker.join()
    assert taken == numbers


BROKEN_PEER = """
import sys
from labcheck.cli.main import main
from labcheck.protocols.websocket.peer import Connection
Connection.read = None
sys.exit(main(sys.argv[1:]))
"""


def test_failed_peer_is_not_a_failure_of_the_client(tmp_path: Path) -> None:
    """If labcheck's own server fails, the requirements that need it get the outcome `error`, and a report says so."""
    arguments = ["lab2", str(CHECKOUT / "solutions" / "lab2"), "--only", "2.1"]
    command = [sys.executable, "-c", BROKEN_PEER, *arguments]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "internal error in labcheck" in done.stderr
    (report,) = tmp_path.glob("labcheck-fault-*.txt")
    assert "the server that the client talks to has failed" in report.read_text("utf-8")
