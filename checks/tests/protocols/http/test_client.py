"""The HTTP client: it accepts what a browser accepts, and explains in words what is wrong with anything else."""

from __future__ import annotations

import contextlib
import math
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import need, until
from labcheck.errors import HttpError, Trouble
from labcheck.program.activity import Activity
from labcheck.protocols.deadline import Deadline
from labcheck.protocols.http.client import LINGER_AGAIN, Client
from labcheck.protocols.manners import LINGER, Manners
from labcheck.record.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labcheck.protocols.http.answer import Answer

OK = b"HTTP/1.1 200 OK\r\n"


@contextlib.contextmanager
def server(data: bytes, *, piece: int | None = None, pause: float = 0.0, then: str = "close") -> Iterator[int]:
    """Serve one client: read a request, send the data in pieces, then close, reset, or keep the connection open.

    `pause` is the number of seconds between two pieces.
    """
    done = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                step = piece or max(len(data), 1)
                for start in range(0, len(data), step):
                    done.wait(pause if start else 0)
                    client.sendall(data[start : start + step])
                if then == "open":
                    done.wait(10)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            listener.close()
            thread.join()


def client_of(
    port: int, seconds: float = 5.0, manners: Manners | None = None, activity: Activity | None = None
) -> Client:
    """Return a client for a server on this machine."""
    transcript, deadline = Transcript(), Deadline(seconds)
    return Client(
        lambda left, _: socket.create_connection(("127.0.0.1", port), left),
        port, 8001, transcript, deadline, manners or Manners(linger=seconds),  # a slow server has not hung up
        activity,
    )  # fmt: skip


def ask(
    data: bytes, method: str = "GET", seconds: float = 5.0, *, piece: int | None = None, then: str = "close"
) -> Answer:
    """Return the answer that the client reads from these bytes."""
    with server(data, piece=piece, then=then) as port:
        return client_of(port, seconds).request(method, "/")


# Bytes and what they mean: (method, bytes, status, body, whether the body is complete)
UNDERSTOOD = [
    ("GET", OK + b"Content-Length: 5\r\n\r\nhello", 200, b"hello", True),
    ("GET", OK + b"content-length:5\r\n\r\nhello", 200, b"hello", True),
    ("GET", OK + b"Content-Length: 3\r\n\r\nhello", 200, b"hello", True),
    ("GET", OK + b"Content-Length: 9\r\n\r\nhello", 200, b"hello", False),
    ("GET", OK + b"\r\nhello", 200, b"hello", True),
    ("GET", b"HTTP/1.0 404\r\n\r\n", 404, b"", True),
    ("GET", b"HTTP/1.0 404 \r\n\r\n", 404, b"", True),
    ("GET", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", 200, b"hi", True),
    ("GET", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi", 200, b"hi", True),
    (
        "GET",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX: y\r\n\r\n",
        200,
        b"hello",
        True,
    ),
    ("HEAD", OK + b"Content-Length: 5\r\n\r\n", 200, b"", True),
    ("HEAD", OK + b"Content-Length: 5\r\n\r\nhello", 200, b"hello", True),
    ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
]


@pytest.mark.parametrize("piece", [None, 1, 7])
@pytest.mark.parametrize(("method", "data", "status", "body", "whole"), UNDERSTOOD)
def test_answer_is_read_from_any_pieces(
    method: str, data: bytes, status: int, body: bytes, whole: bool, piece: int | None
) -> None:
    """An answer is the same whether it arrives at once or byte by byte."""
    answer = ask(data, method, piece=piece)
    assert (answer.code, answer.body_bytes, answer.whole) == (status, body, whole)


def test_large_body_is_copied_once() -> None:
    """Of a body, there are never more copies in memory than the received bytes and the one in the answer."""
    size = 4 << 20
    with server(OK + b"Content-Length: %d\r\n\r\n" % size + bytes(size)) as port:
        tracemalloc.start()
        try:
            answer = client_of(port).get("/")
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert len(answer.body_bytes) == size
    assert most < 2.5 * size  # the buffer of the received bytes has an eighth more


def test_late_body_after_head_is_noticed() -> None:
    """A body after the answer to HEAD is noticed even if it comes late, and if the server does not hang up."""
    head = OK + b"Content-Length: 5\r\n\r\n"
    with server(head + b"hello", piece=len(head), pause=0.3) as port:
        assert client_of(port, manners=Manners(linger=LINGER_AGAIN)).request("HEAD", "/").body_bytes == b"hello"


def test_client_that_leaves_reads_what_the_server_still_sends() -> None:
    """A client that leaves waits for the server to close the connection, but not for one that keeps it open."""
    for then in ("close", "open"):
        with server(b"late", piece=1, pause=0.01, then=then) as port, client_of(port).connect() as connection:
            connection.send(b"GET ")
            connection.leave(seconds=0.2)
            assert connection.read_some(4) == 4


# Invalid answers: (bytes, what the server does after them, the trouble, part of the error's text)
TROUBLES = [
    (b"", "close", Trouble.CLOSED, "closed without an answer"),
    (b"HTTP/1.1 200 OK\r\n", "close", Trouble.CLOSED, "before the empty line that ends the headers"),
    (b"", "open", Trouble.SILENT, "no byte for 0.3 s"),
    (b"HTTP/1.", "open", Trouble.SLOW, "before the empty line"),
    (
        OK + b"Content-Length: 9\r\n\r\nhello",
        "open",
        Trouble.SLOW,
        "Content-Length announces 9 bytes, but only 5 arrived",
    ),
    (b"<html>hello</html>", "close", Trouble.MALFORMED, "there is no status line"),
    (b"Content-Type: text/html\r\n\r\nhello", "close", Trouble.MALFORMED, "the status line comes first"),
    (b"HTTP/1.1 2000 OK\r\n\r\n", "close", Trouble.MALFORMED, "it answers, but not in HTTP"),
    (OK + b"no colon here\r\n\r\n", "close", Trouble.MALFORMED, "not a header line"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "close", Trouble.MALFORMED, "not a chunk size"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n-2\r\nhello\r\n", "close", Trouble.MALFORMED, "not a chunk size"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "close", Trouble.CLOSED, "before the end of a chunk"),
    (OK + b"X: y\r\n" * 20_000, "open", Trouble.TOO_LARGE, "the headers do not end"),
]


@pytest.mark.parametrize(("data", "then", "trouble", "words"), TROUBLES)
def test_trouble_is_explained_in_words(data: bytes, then: str, trouble: Trouble, words: str) -> None:
    """An invalid answer is explained in words."""
    with pytest.raises(HttpError, match=words.replace("(", r"\(")) as raised:
        ask(data, seconds={Trouble.SILENT: 0.3, Trouble.SLOW: 2.0}.get(trouble, 5.0), then=then)
    assert raised.value.trouble is trouble


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        (b"", ["sent", "missed"]),
        (b"HTTP/1.", ["sent", "received", "missed"]),
        (OK + b"Content-Length: 9\r\n\r\nhello", ["sent", "received", "missed"]),
        (OK + b"\r\nhello", ["sent", "received", "missed"]),
    ],
    ids=["silence", "half a status line", "half a body", "a body without an end"],
)
def test_what_did_not_arrive_is_in_the_transcript(data: bytes, kinds: list[str]) -> None:
    """The end of a wait is an event, with the words of the error and the limit in seconds."""
    with server(data, then="open") as port:
        client = client_of(port, 0.3)
        with pytest.raises(HttpError) as raised:
            client.get("/")
    assert [event.kind for event in client.transcript.events] == kinds
    assert client.transcript.events[-1].data.decode() == str(raised.value)
    assert client.transcript.events[-1].seconds == 0.3


def test_refused_connection_is_reported() -> None:
    """A refused connection is reported."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(HttpError, match="nothing listens on port"):
        client_of(port).get("/")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows resets the connections of every program that ends")
@pytest.mark.parametrize("is_read", [True, False])
def test_request_that_nobody_has_read_was_refused(is_read: bool) -> None:
    """A request that was still in the queue when the program ended is not in the transcript: it did not end it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            with listener.accept()[0] as peer:
                peer.recv(1000)
                peer.sendall(OK + b"Content-Length: 2\r\n\r\nhi")
            if is_read:
                with listener.accept()[0] as peer:
                    peer.recv(1000)
                    listener.close()

        def connect(left: float, _: int | None) -> socket.socket:
            sock = socket.create_connection(("127.0.0.1", port), left)
            if transcript.events and not is_read:
                thread.join()
                listener.close()
            return sock

        transcript = Transcript()
        client = Client(connect, port, 8001, transcript, Deadline(5), Manners())
        thread = threading.Thread(target=serve)
        thread.start()
        client.get("/first")
        with pytest.raises(HttpError) as raised:
            client.get("/second")
        thread.join()
    assert raised.value.trouble is (Trouble.CLOSED if is_read else Trouble.REFUSED)
    shown = "/second" if is_read else "/first"
    assert transcript.by_hand.endswith(shown)
    assert transcript.last_request_line() == f"GET {shown} HTTP/1.1"


def test_deadline_ends_a_server_that_drips() -> None:
    """The deadline counts from the start of the check, not from the last byte."""
    started = time.monotonic()
    with server(OK + b"X: " + b"y" * 1_000_000, piece=1) as port, pytest.raises(HttpError):
        client_of(port, 0.3).get("/")
    assert time.monotonic() - started < 5


def test_server_that_stays_open_is_waited_for_once() -> None:
    """Waiting for a server that does not hang up costs the linger time once, not for every request."""
    manners = Manners(linger=0.2)
    for _ in range(2):
        with server(OK + b"Content-Length: 2\r\n\r\nhi", then="open") as port:
            client_of(port, manners=manners).get("/")
    assert manners.linger < 0.05


class Stub(Activity):
    """The activity of a server that is at rest after a number of looks."""

    def __init__(self, looks: float) -> None:
        self.looks = looks

    def begin_rest(self) -> None:
        """Begin anew; a stub needs nothing for it."""

    def has_rested(self, seconds: float) -> bool:
        """Count one look."""
        assert seconds > 0
        self.looks -= 1
        return self.looks <= 0


def test_server_at_rest_is_not_waited_for() -> None:
    """After a complete answer, a server that is at rest sends nothing more, even if it keeps the connection open."""
    manners, started = Manners(), time.monotonic()
    with server(OK + b"Content-Length: 2\r\n\r\nhi", then="open") as port:
        assert client_of(port, manners=manners, activity=Stub(2)).get("/").body_bytes == b"hi"
    assert time.monotonic() - started < LINGER
    assert manners.linger == LINGER  # nothing was learned about it


def test_busy_server_may_send_more() -> None:
    """What a server sends after a complete answer is noticed as long as it is not at rest."""
    answer = OK + b"Content-Length: 2\r\n\r\nhi"
    with server(answer + b"there", piece=len(answer), pause=0.2, then="open") as port:
        found = client_of(port, manners=Manners(), activity=Stub(math.inf)).get("/")
    assert (found.sent, found.body) == (b"hithere", b"hi")
    assert found.as_announced().sent == b"hi"


@pytest.mark.parametrize(
    ("more", "second"),
    [
        (b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\nthere", "HTTP/1.0 200 OK"),
        (b"there\nHTTP/1.0 200 OK\n", ""),  # a body that is longer than announced
        (b"", ""),
    ],
)
def test_second_answer_to_one_request(more: bytes, second: str) -> None:
    """A status line after the announced body begins a second answer, but not in a body of unknown length."""
    with server(OK + b"Content-Length: 2\r\n\r\nhi" + more) as port:
        assert client_of(port).get("/").second == second
    with server(OK + b"\r\nHTTP/1.0 200 OK\r\n\r\n") as port:
        assert client_of(port).get("/").second == ""


def test_server_at_rest_may_be_waited_for_until_it_hangs_up() -> None:
    """On request, the client lets the server close the connection first."""
    answer = OK + b"Content-Length: 0\r\n\r\n"
    with server(answer + b"!", piece=len(answer), pause=0.2) as port:
        client = client_of(port, manners=Manners(), activity=Stub(0))
        assert client.request("GET", "/", until_closed=True).sent == b"!"
        assert client.transcript.events[-1].kind == "hung_up"


def test_transcript_holds_every_byte() -> None:
    """Everything that was sent and received is recorded unchanged, in order."""
    with server(OK + b"Content-Length: 2\r\n\r\nhi", piece=3) as port:
        client = client_of(port)
        client.get("/x")
        events = client.transcript.events
    assert [event.kind for event in events] == ["sent", "received", "hung_up"]
    assert bytes(events[0].data).startswith(b"GET /x HTTP/1.1\r\n")
    assert bytes(events[1].data) == OK + b"Content-Length: 2\r\n\r\nhi"


@pytest.mark.parametrize(
    ("method", "target", "line"),
    [
        ("GET", "/a.zzz", "curl -i http://localhost:8001/a.zzz"),
        ("GET", "/../a", "curl -i --path-as-is http://localhost:8001/../a"),
        ("GET", "/<b>", "curl -i 'http://localhost:8001/<b>'"),
        ("GET", f"/{'a' * 500}", ""),
        ("BREW", "/", "curl -i -X BREW http://localhost:8001/"),
    ],
)
def test_command_repeats_the_request_by_hand(method: str, target: str, line: str) -> None:
    """The curl command uses the usual port, and is quoted for a shell."""
    with server(OK + b"\r\n") as port:
        client = client_of(port)
        client.request(method, target)
        assert client.transcript.by_hand == line


def test_command_repeats_fields_and_body() -> None:
    """The curl command has the header fields that it would not send by itself, and the form."""
    with server(OK + b"\r\n") as port:
        client = client_of(port)
        client.post("/a.zzz", "x=1&y=2")
        assert client.transcript.by_hand == "curl -i -d 'x=1&y=2' http://localhost:8001/a.zzz"
    with server(OK + b"\r\n") as port:
        client = client_of(port)
        client.request("POST", "/a.zzz", {"Content-Type": "text/plain", "Content-Length": "-1"})
        assert "-X POST -H 'Content-Type: text/plain' -H 'Content-Length: -1'" in client.transcript.by_hand


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.0 400 Bad\r\nContent-Length: 0\r\n\r\n", 400),
        (b"", None),
        (b"<p>no status line</p>", None),
    ],
    ids=["a status", "closed", "closed after a page without a status line"],
)
def test_refusal_is_a_status_or_a_closed_connection(data: bytes, status: int | None) -> None:
    """A server may refuse what is not HTTP with a status code, or close the connection without one."""
    with server(data) as port, client_of(port).connect() as connection:
        connection.send(b"HELLO\r\n\r\n")
        assert connection.read_refusal() == status


def test_refusal_has_to_come() -> None:
    """A server that neither answers nor closes the connection has refused nothing."""
    with server(b"", then="open") as port, client_of(port, 0.2).connect() as connection:
        connection.send(b"HELLO\r\n\r\n")
        with pytest.raises(HttpError):
            connection.read_refusal()


@pytest.mark.parametrize(
    ("declared", "data", "text"),
    [
        (b"text/html; charset=iso-8859-1", b"caf\xe9", "café"),
        (b"text/html", "café".encode(), "café"),
        (b"text/html", b"caf\xe9", "café"),
        (b"text/html; charset=nonsense", b"cafe", "cafe"),
    ],
)
def test_charset_is_honored(declared: bytes, data: bytes, text: str) -> None:
    """A page is decoded with its declared charset, or else as UTF-8."""
    answer = ask(OK + b"Content-Type: " + declared + b"\r\n\r\n" + data)
    assert answer.source == text


def test_shown_text_is_found_with_and_without_tags() -> None:
    """The text that a reader sees is found despite entities and tags."""
    answer = ask(OK + b"\r\n<p><b>/a/</b>b.zzz</p><td>1<td>2 &lt;x&gt; &#233;")
    for text in ("/a/b.zzz", "<x>", "é", "1 2", "12 <x>"):
        assert text in answer.shown
    assert "<b>" in answer.shown  # a page that shows tags as text is recognized
    assert "1  2" not in answer.shown


@given(st.binary(max_size=300))
def test_no_bytes_make_the_client_fail(data: bytes) -> None:
    """For any bytes from a server, the outcome is an answer or an HttpError."""
    with contextlib.suppress(HttpError):
        ask(b"HTTP/1.1 200 OK\r\n" + data)
    with contextlib.suppress(HttpError):
        ask(data)


@pytest.mark.skipif(os.name != "posix", reason="the command is for a Unix shell")
@pytest.mark.parametrize("data", [b"kolibri\r\n\r\n", b"GET /100%25\\n'x'$HOME HTTP/1.1\r\n\r\n"])
def test_shell_command_sends_the_same_bytes(data: bytes) -> None:
    """Bytes that are not a complete request are repeated with printf, byte for byte."""
    with server(OK + b"\r\n") as port:
        client = client_of(port)
        with client.connect() as connection:
            connection.send(data)
        line = client.transcript.by_hand
    assert line.endswith(" | nc localhost 8001")
    assert (
        subprocess.run([need("sh"), "-c", line.partition(" | nc ")[0]], capture_output=True, check=True).stdout == data
    )


def test_small_buffer_is_asked_for_before_the_connection_opens() -> None:
    """A client's small buffer must be known in the handshake: a window that shrinks later stalls the transfer."""
    asked: list[int | None] = []

    def connect(left: float, receive_buffer: int | None) -> socket.socket:
        asked.append(receive_buffer)
        return socket.create_connection(("127.0.0.1", port), left)

    with server(OK) as port:
        client = Client(connect, port, 8001, Transcript(), Deadline(5), Manners())
        client.connect(receive_buffer=16 * 1024).close()
        client.connect().close()
    assert asked == [16 * 1024, None]


@contextlib.contextmanager
def one_by_one(answers: queue.Queue[bytes], number: int) -> Iterator[tuple[int, list[bytes]]]:
    """Serve `number` clients that wait: read each one's request, then send it the next answer when there is one."""
    requests: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        waiting = []
        for _ in range(number):
            waiting.append(listener.accept()[0])
            requests.append(waiting[-1].recv(10_000))
        for peer in waiting:
            peer.sendall(answers.get(timeout=10))
            peer.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1], requests
        thread.join()


def test_requests_that_wait_are_all_sent_before_an_answer_is_read() -> None:
    """A check sees that nothing has come yet, and reads each answer when something has made it come."""
    answers: queue.Queue[bytes] = queue.Queue()
    with one_by_one(answers, 3) as (port, requests), client_of(port).ask("/a?after=1", "/b", "/c") as waiting:
        assert [each.so_far() for each in waiting] == ["", "", ""]
        for text in (b"1", b"2", b"3"):
            answers.put(OK + b"Content-Length: 1\r\n\r\n" + text)
        assert [each.read_answer().body for each in waiting] == [b"1", b"2", b"3"]
    assert [each.split()[1] for each in requests] == [b"/a?after=1", b"/b", b"/c"]


def test_answer_that_comes_early_is_seen() -> None:
    """Its first line is shown; it can still be read."""
    answers: queue.Queue[bytes] = queue.Queue()
    answers.put(OK + b"Content-Length: 2\r\n\r\nhi")
    with one_by_one(answers, 1) as (port, _), client_of(port).ask("/") as [waiting]:
        waiting.read_some(1)
        assert waiting.so_far() == "HTTP/1.1 200 OK"
        assert waiting.so_far().mismatch("==", "").received == "HTTP/1.1 200 OK"
        assert waiting.read_answer().body == b"hi"


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ({"body": "a=1"}, b"Content-Length: 3\r\n\r\na=1"),
        ({"body": b"\xff\x00"}, b"Content-Length: 2\r\n\r\n\xff\x00"),
        ({"body": "a", "fields": {"content-length": "9"}}, b"content-length: 9\r\n\r\na"),
        ({"json": {"é": 1}}, b'Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"\xc3\xa9": 1}'),
        ({"json": [], "fields": {"Content-Type": "a/b"}}, b"Content-Type: a/b\r\nContent-Length: 2\r\n\r\n[]"),
        ({}, b"Connection: close\r\n\r\n"),
    ],
)
def test_content_gets_its_length(arguments: dict[str, Any], sent: bytes) -> None:
    """Any body is sent with its length, and a value as JSON; what a check sets itself is left as it is."""
    answers: queue.Queue[bytes] = queue.Queue()
    answers.put(OK + b"Content-Length: 0\r\n\r\n")
    with one_by_one(answers, 1) as (port, requests):
        client_of(port).request("PUT", "/", **arguments)
    assert requests[0].endswith(sent)


@pytest.mark.parametrize(
    ("tag", "sent"), [('"\xff"', b'"\xff"'), ('"\u0178"', b'"\xc5\xb8"'), ("\ud800", b"\xed\xa0\x80")]
)
def test_any_text_can_be_sent(tag: str, sent: bytes) -> None:
    """What came in a header field goes back as it came; other text can be sent, too."""
    assert b"If-None-Match: " + sent + b"\r\n" in client_of(1).head_of("GET", "/", {"If-None-Match": tag})


def test_command_by_hand_sends_the_same_content() -> None:
    """curl sends the method, the media type and the content; what it cannot send is left to `labcheck replay`."""
    with server(OK + b"Content-Length: 0\r\n\r\n") as port:
        client = client_of(port)
        client.request("PUT", "/books/1", json={"title": "A"})
        assert client.transcript.by_hand == (
            "curl -i -X PUT -H 'Content-Type: application/json' "
            """-d '{"title": "A"}' http://localhost:8001/books/1"""
        )


def test_answer_may_come_when_nobody_reads() -> None:
    """The time that an answer took ends when it arrives, not when it is read."""
    with server(OK + b"Content-Length: 0\r\n\r\n") as port, client_of(port).begin("/") as request:
        until(lambda: request.waited == request.waited)  # it counts up until the answer has come
        took = request.waited
        assert request.read_answer().status == 200
        assert request.waited == took


def test_answer_that_was_asked_to_wait_is_in_time() -> None:
    """The deadline and the patience begin after the seconds that the server was asked to wait; it is not slow."""
    manners = Manners()
    with late_answer(0.6) as port:
        client = client_of(port, seconds=0.2, manners=manners)
        with client.begin("/") as request:
            assert request.read_answer(patience=0.2, waits=0.6).status == 200
            assert 0.6 <= request.waited < 5
    assert manners.slowest < 0.5


def test_answer_after_that_is_missing() -> None:
    """A server that waits for longer than it was asked to gives no answer; the next exchange has its usual time."""
    with late_answer(30) as port:
        client = client_of(port, seconds=0.2)
        started = time.monotonic()
        with client.begin("/") as request:
            with pytest.raises(HttpError, match="no byte for"):
                request.read_answer(waits=0.3)
            assert time.monotonic() - started >= 0.5
            with pytest.raises(HttpError, match=r"no byte for 0\.2"):
                request.read_answer()
            assert time.monotonic() - started < 5


def test_101_is_a_complete_answer() -> None:
    """After 101 the connection stays open for another protocol: nothing else is part of the answer."""
    started = time.monotonic()
    data = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n"
    assert ask(data, seconds=1, then="open").status == 101
    assert time.monotonic() - started < 10


def test_only_a_request_that_has_begun_is_timed() -> None:
    """For other requests nobody has noted the time, and no number is better than a wrong one."""
    with (
        server(OK + b"\r\n") as port,
        client_of(port).connect() as connection,
        pytest.raises(ValueError, match="timed"),
    ):
        assert connection.waited


@contextlib.contextmanager
def late_answer(seconds: float) -> Iterator[int]:
    """Serve one client, which gets its answer after some seconds."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, contextlib.suppress(OSError):
                client.recv(65536)
                done.wait(seconds)
                client.sendall(OK + b"Content-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            thread.join()
