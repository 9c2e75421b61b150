"""The grader's end of a WebSocket: what it makes of the other side's bytes, and what it says of them."""

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
from websockets.sync.client import connect
from websockets.utils import accept_key

from conftest import CHECKOUT, until
from labcheck.errors import Trouble, WebSocketError
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

HELLO = b"\x81\x05hello"
GOODBYE = b"\x88\x02\x03\xe8"  # 1000


def handshake(request: bytes, accept: str | None = None) -> bytes:
    """Return the right answer to an opening handshake, or one with another accept value."""
    found = re.search(rb"Sec-WebSocket-Key: (\S+)", request)
    assert found
    value = accept or accept_key(found[1].decode())
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{head}Sec-WebSocket-Accept: {value}\r\n\r\n".encode()


@contextmanager
def visiting(
    answer: Callable[[bytes], bytes], patience: float = 5, *, stays: bool = False
) -> Iterator[WebSocketClient]:
    """Visit a server that answers a request with these bytes, says no more, and hangs up, or stays."""
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
        client = WebSocketClient(sock, port, Transcript(), Deadline(20), patience, Manners(), "Ann")
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
        "Sec-WebSocket-Accept is dGhlIHNhbXBsZSBub25jZQ==; for this key it is ",
    ),
    "no upgrade": (
        lambda _: b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        Trouble.MALFORMED,
        "the answer to the opening handshake is not valid",
    ),
    "no HTTP": (lambda _: b"hello\r\n\r\n", Trouble.MALFORMED, "is no answer to the opening handshake: 'hello"),
}


@pytest.mark.parametrize("case", OPENING)
def test_opening_handshake_that_fails_is_told_in_plain_words(case: str) -> None:
    """What is wrong with the answer to the opening handshake is said with what came."""
    answer, trouble, words = OPENING[case]
    with visiting(answer) as client, pytest.raises(WebSocketError) as caught:
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
    "closed": (GOODBYE, Trouble.CLOSED, "closed with code 1000 (a normal end) before the message came"),
    "closed without a code": (b"\x88\x00", Trouble.CLOSED, "a goodbye without a code"),
    "a reason": (b"\x88\x06\x03\xe9late", Trouble.CLOSED, 'code 1001 (going away), "late"'),
    "cut": (b"", Trouble.CLOSED, "the connection was cut without a goodbye (1006)"),
    "cut in a frame": (b"\x81\x05he", Trouble.CLOSED, "the connection was cut without a goodbye (1006)"),
}


@pytest.mark.parametrize("case", FRAMES)
def test_frame_that_is_wrong_is_told_in_plain_words(case: str) -> None:
    """Whatever comes in place of a message is said with its reason."""
    data, trouble, words = FRAMES[case]
    with visiting(lambda request: handshake(request) + data) as client, pytest.raises(WebSocketError) as caught:
        client.open().receive()
    assert words in str(caught.value)
    assert caught.value.trouble is trouble


@pytest.mark.parametrize(
    ("in_all", "patience", "words"),
    [(20, 0.05, "within 0.05 s"), (0.05, 20, "when the time, 0.05 s in all, was over")],
    ids=["patience", "the end of all time"],
)
def test_silence_is_told_with_its_seconds(in_all: float, patience: float, words: str) -> None:
    """Where nothing comes, that is said as soon as the patience is over; never with a rest of the time."""
    ours, theirs = socket.socketpair()
    with theirs:
        client = WebSocketClient(ours, 1, Transcript(), Deadline(in_all), patience, Manners())
        with pytest.raises(WebSocketError, match=f"no answer to the opening handshake {words}") as caught:
            client.open()
        assert caught.value.trouble is Trouble.SILENT
        client.hang_up()


def test_server_that_takes_what_is_too_much_is_not_waited_for() -> None:
    """Who sends a message back that should have ended the connection has taken it: nothing more will come."""
    with visiting(lambda request: handshake(request) + HELLO, patience=60, stays=True) as client:
        assert client.open().send_too_much("hello").code is None
        assert not client.deadline.passed()


def test_message_is_put_together_from_its_frames() -> None:
    """Fragments with a ping between them make one message, and the ping is answered."""
    pieces = b"\x01\x02he" + b"\x89\x04ping" + b"\x80\x03llo" + b"\x82\x02\xff\x00"
    with visiting(lambda request: handshake(request) + pieces + GOODBYE) as client:
        first, second = client.open().receive(), client.receive()
        assert client.shut(5) == 1000
        events = [(event.kind, event.what) for event in client.transcript.events]
    assert first == "hello"
    assert (second.binary, second.data) == (True, b"\xff\x00")
    assert second != "\\xff\x00"
    assert events[2:5] == [("received", "text, more to come"), ("received", "ping"), ("received", "cont")]
    assert events[-2:] == [("received", "close 1000"), ("sent", "close 1000")]


def test_words_that_are_not_waited_for_stay() -> None:
    """What comes before a mark is put aside; where the mark does not come, nothing is lost."""
    with visiting(lambda request: handshake(request) + HELLO + b"\x81\x03you") as client:
        assert client.open().hear("you") == "you"
        assert [message.text for message in client.aside] == ["hello"]
    with visiting(lambda request: handshake(request) + HELLO) as client:
        with pytest.raises(WebSocketError, match="cut without a goodbye"):
            client.open().hear("you")
        assert client.receive() == "hello"


def test_messages_tell_the_first_place_that_differs() -> None:
    """Of two lists of messages the first difference is shown, however long they are."""
    came = Messages([Message("one"), Message("three")])
    assert came.mismatch("==", ["one", "two", "three"]) == (
        'as message 2: "two" (3 messages in all)',
        'as message 2: "three" (2 messages in all)',
        None,
    )
    more = Messages(["one", "two"])
    assert more.mismatch("==", ["one"])[:2] == ("1 message, and no more", 'as message 2: "two" (2 messages in all)')
    assert Messages(["one"]).mismatch("==", []).expected == "no message"


def test_who_never_answers_a_goodbye_leaves_time_for_the_next_client() -> None:
    """However patient a client is, its farewell does not take all of the check's time."""
    with visiting(handshake, 60, stays=True) as client:
        client.open()
        client.deadline = Deadline(6)
        client.leave()
        assert not client.deadline.passed()


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Run the grader's own server."""
    port = Port()
    found = Peer(port.number)
    yield found
    found.close()
    port.release()


def test_host_answers_each_message_with_what_was_prepared(peer: Peer) -> None:
    """A message that comes is answered as soon as there is an answer, before or after."""
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


def test_host_turns_away_who_wants_too_much(peer: Peer) -> None:
    """Of a crowd of connections only some are let in, and one that speaks is heard all the same."""
    crowd = [socket.create_connection(("127.0.0.1", peer.port)) for _ in range(30)]
    turned_away = [sock for sock in crowd[8:] if sock.recv(1) == b""]
    assert len(turned_away) == 22
    crowd[0].close()
    for sock in crowd:
        sock.close()


def test_newcomer_gets_the_descriptor_of_who_has_gone(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that ends and one that begins, both seen in one look, do not end the peer's thread."""
    gone = socket.create_connection(("127.0.0.1", peer.port))
    until(lambda: peer.crowd == 1)
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


def test_messages_are_taken_while_others_come(peer: Peer) -> None:
    """However the peer's thread and a check take turns, no message is lost, and the thread goes on."""
    numbers = [str(number) for number in range(1000)]

    def talk() -> None:
        with connect(f"ws://localhost:{peer.port}/") as client, contextlib.suppress(ConnectionClosed):
            for number in numbers:
                client.send(number)
            client.recv()  # until the peer goes

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


BROKEN_HOST = """
import sys
from labcheck.cli.main import main
from labcheck.protocols.websocket.peer import Connection
Connection.read = None
sys.exit(main(sys.argv[1:]))
"""


def test_fault_of_the_host_is_no_failure_of_the_client(tmp_path: Path) -> None:
    """Where the grader's own server breaks down, what needs it could not be judged, and that is said."""
    arguments = ["lab2", str(CHECKOUT / "solutions" / "lab2"), "--only", "2.1"]
    command = [sys.executable, "-c", BROKEN_HOST, *arguments]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "internal error in labcheck" in done.stderr
    (report,) = tmp_path.glob("labcheck-fault-*.txt")
    assert "the server that the client talks to has broken down" in report.read_text("utf-8")
