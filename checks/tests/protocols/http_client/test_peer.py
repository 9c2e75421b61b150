"""labcheck's server for clients: it answers as a check says, records every request, and no client can hurt it."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import until
from labcheck.errors import ForeignListenerError
from labcheck.program.ports import Port
from labcheck.protocols.http_client.peer import MAX_HEAD, MOST_CONNECTIONS, MOST_REQUESTS, Page, Peer
from labcheck.protocols.http_client.reply import Reply
from labcheck.protocols.http_client.request import Request, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A server on a free port."""
    port = Port()
    server = Peer(port.number)
    yield server
    server.close()
    server.raise_fault()
    port.release()


def page(peer: Peer, reply: Reply, target: str = "/a") -> Page:
    """Add a page."""
    made = Page(f"http://127.0.0.1:{peer.port}{target}", reply)
    peer.add(made)
    return made


def exchange(peer: Peer, data: bytes, host: str = "127.0.0.1") -> bytes:
    """Send some bytes, and return everything that comes."""
    with socket.create_connection((host, peer.port), 10) as sock, sock.makefile("rb") as stream:
        sock.sendall(data)
        return stream.read()


def get(target: str = "/a", version: str = "1.1", **fields: str) -> bytes:
    """Return a request."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in {"Host": "x", **fields}.items())
    return f"GET {target} HTTP/{version}\r\n{lines}\r\n".encode()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_body_arrives(peer: Peer, *, chunked: bool, packed: bool) -> None:
    """Another HTTP library reads the body, in chunks or not, packed or not."""
    body = bytes(range(256)) * 500
    made = page(peer, Reply(body, gzip=packed, chunked=chunked))
    for host in peer.addresses:
        connection = http.client.HTTPConnection(host, peer.port, timeout=10)
        connection.request("GET", "/a", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        came = answer.read()
        assert answer.getheader("Content-Encoding") == ("gzip" if packed else None)
        assert (gzip.decompress(came) if packed else came) == body
        connection.close()
    assert made.requests.number == len(peer.addresses)


def test_client_gets_only_what_it_knows(peer: Peer) -> None:
    """Without gzip in Accept-Encoding the body is not packed, and in HTTP/1.0 it comes without chunks."""
    page(peer, Reply(b"body", gzip=True, chunked=True))
    answer = exchange(peer, get(version="1.0", Accept_Encoding="gzip;q=0, br"))
    assert answer.endswith(b"\r\n\r\nbody")
    assert b"Transfer-Encoding" not in answer
    assert b"Content-Encoding" not in answer


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"x" * 5000, cut=2500),
        Reply(b"x" * 5000, cut=2500, chunked=True),
        Reply(b"x" * 5000, cut=3000, chunked=True),
    ],
)
def test_server_goes_away(peer: Peer, reply: Reply) -> None:
    """A body that is cut off ends too early for a client that reads carefully."""
    page(peer, reply)
    connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=10)
    connection.request("GET", "/a")
    with connection.getresponse() as answer, pytest.raises(http.client.IncompleteRead) as error:
        answer.read()
    assert len(error.value.partial) >= 2000
    connection.close()


def test_head_and_304_have_no_body(peer: Peer) -> None:
    """The header alone is sent."""
    page(peer, Reply(b"body"))
    page(peer, Reply(b"body", 304), "/b")
    assert exchange(peer, get().replace(b"GET", b"HEAD")).endswith(b"Content-Length: 4\r\n\r\n")
    assert exchange(peer, get("/b")).endswith(b"\r\n\r\n")


def test_requests_are_recorded_as_data(peer: Peer) -> None:
    """Method, target, version and fields of each request are kept, for its page and for all."""
    made = page(peer, Reply(b"body"), "/a%20b?x=1")
    exchange(peer, get("/a%20b?x=1", If_None_Match='"t"'))
    exchange(peer, get("http://localhost/a%20b?x=%31"))
    exchange(peer, get("/other"))
    assert made.requests.number == 2
    assert made.requests[0].field("if-none-match") == '"t"'
    assert [each.target for each in peer.requests] == ["/a%20b?x=1", "http://localhost/a%20b?x=%31", "/other"]


@pytest.mark.parametrize(
    "data",
    [
        b"HELLO\r\n\r\n",
        b"GET /a HTTP/1.1\r\nno field\r\n\r\n",
        b"\x16\x03\x01\x00\r\n\r\n",
        b"\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_request_gets_400(peer: Peer, data: bytes) -> None:
    """It is recorded as a request of no page."""
    made = page(peer, Reply(b"body"))
    assert exchange(peer, data).startswith(b"HTTP/1.1 400 ")
    assert (made.requests.number, peer.requests.number) == (0, 1)


@given(data=st.binary(max_size=300))
def test_no_bytes_stop_it(data: bytes) -> None:
    """No request makes the server's thread fail."""
    port = Port()
    server = Peer(port.number)
    try:
        with contextlib.suppress(OSError):
            exchange(server, data + b"\r\n\r\n")
        page(server, Reply(b"body"))
        assert exchange(server, get()).endswith(b"body")
    finally:
        server.close()
        server.raise_fault()
        port.release()


def test_endless_header_is_refused(peer: Peer) -> None:
    """No more than MAX_HEAD bytes and one read are kept."""
    with socket.create_connection(("127.0.0.1", peer.port), 10) as sock:
        with contextlib.suppress(OSError):
            for _ in range(200):
                sock.sendall(b"x" * MAX_HEAD)
        with contextlib.suppress(OSError):
            assert sock.recv(100).startswith(b"HTTP/1.1 400 ")
    assert len(peer.transcript.events[0].data) <= 64 * 1024


def test_silent_connections_do_not_keep_others_out(peer: Peer) -> None:
    """Too many connections at once are closed; when they are gone, there is room again."""
    page(peer, Reply(b"body"))
    silent = [socket.create_connection(("127.0.0.1", peer.port), 10) for _ in range(MOST_CONNECTIONS)]
    with socket.create_connection(("127.0.0.1", peer.port), 10) as one_more:
        assert one_more.recv(1) == b""
    for sock in silent:
        sock.close()

    def answers() -> bool:
        with contextlib.suppress(OSError):
            return exchange(peer, get()).endswith(b"body")
        return False

    until(answers)


def test_flood_of_requests_ends(peer: Peer) -> None:
    """After MOST_REQUESTS requests, connections are closed without an answer."""
    page(peer, Reply(b"body"))
    for _ in range(MOST_REQUESTS):
        exchange(peer, get())
    with contextlib.suppress(OSError):  # what was sent is not read, so the connection may be reset
        assert exchange(peer, get()) == b""
    assert peer.requests.number == MOST_REQUESTS


def test_port_of_another_program_is_reported() -> None:
    """If another program listens on the port, this is an error of its own kind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_server(("::1", port), family=socket.AF_INET6))
            with pytest.raises(ForeignListenerError):
                Peer(port)


def test_close_ends_everything(peer: Peer) -> None:
    """Connections are closed, the port is free, and it may be closed again."""
    with socket.create_connection(("127.0.0.1", peer.port), 10) as sock:
        until(lambda: exchange(peer, get()))
        peer.close()
        assert sock.recv(1) == b""
    peer.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", peer.port), 10)


def test_who_asks_is_passed_on_by_redirects(peer: Peer) -> None:
    """A redirect to another page belongs to the same run, in transcripts."""
    first = page(peer, Reply(b"", 302, {"Location": "b"}), "/x/a")
    second = page(peer, Reply(b"body"), "/x/b")
    first.who = "run 2"
    exchange(peer, get("/x/a"))
    exchange(peer, get("/x/b"))
    assert second.who == "run 2"
    assert {event.who for event in peer.transcript.events} == {"run 2"}


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("gzip", {"gzip"}),
        ("GZIP, br;q=0.5", {"gzip", "br"}),
        ("gzip;q=0", set()),
        ("gzip; Q=0.000", set()),
        ("", set()),
        ("gzip;q=0.001", {"gzip"}),
    ],
)
def test_codings(value: str, accepted: set[str]) -> None:
    """The codings that a client accepts are those without the weight 0."""
    assert Request("GET", "/", "HTTP/1.1", [("accept-encoding", value)]).codings == frozenset(accepted)


def test_same_page_in_other_words() -> None:
    """Percent-encoding makes no difference, and neither does the name of this machine; the order of a query does."""
    assert key_of("/a%62?x=%C3%A9&y=") == key_of("http://localhost:1/ab?x=é&y=")
    assert key_of("/ab?x=1&y=2") != key_of("/ab?y=2&x=1")
    assert key_of("/a/b") != key_of("/a/b/")
    assert key_of("[") == ("[", ())  # a client may send anything
    assert key_of("/a#b") != key_of("/a") == key_of("http://localhost:1/a#b")
