"""labcheck's own HTTP server, which the student's client asks: it answers as the check says, and records every request.

No client can hold it up or fill the memory: it never waits for one, and reads no more than MAX_HEAD bytes of each of
MOST_REQUESTS requests. A connection carries one request.
"""

from __future__ import annotations

import contextlib
import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from labcheck.protocols.http_client.reply import Reply
from labcheck.protocols.http_client.request import Request, Requests, key_of
from labcheck.protocols.serving import Serving
from labcheck.record.transcript import Transcript

if TYPE_CHECKING:
    from labcheck.protocols.http_client.request import Key

CHUNK = 128 * 1024  # bytes read or written at once
MAX_HEAD = 64 * 1024  # bytes of a request line and header fields
MOST_CONNECTIONS = 64  # open at the same time; further ones are closed at once
MOST_REQUESTS = 500  # in one check; the connections after that are closed at once
REQUEST_LINE = re.compile(r"(\S+) (\S+) (HTTP/1\.[01])")
NOT_FOUND = Reply(b"labcheck's server has no such page\n", 404, {"Content-Type": "text/plain"})
NOT_HTTP = Reply(b"this is not a request in HTTP/1.0 or HTTP/1.1\n", 400, {"Content-Type": "text/plain"})


class Page:
    """A page of labcheck's server: its URL, and the reply to all requests for it, which a check may change."""

    def __init__(self, url: str, reply: Reply, transcript: Transcript | None = None) -> None:
        self.url = url
        self.reply = reply
        self._transcript = transcript or Transcript()
        self.who = ""  # the run that asks for it, in transcripts
        self._requests: list[Request] = []

    def __str__(self) -> str:
        return self.url

    @property
    def requests(self) -> Requests:
        """The requests for it so far."""
        self._transcript.bring_last(self.who)
        return Requests(self._requests)

    @property
    def request(self) -> Request:
        """The last request for it. A check uses it after it has compared their number."""
        self._transcript.bring_last(self.who)
        return self._requests[-1]

    def at(self, host: str) -> str:
        """Return its URL with another name of the host."""
        return re.sub(r"//[^/]*(?=:)", f"//{host}", self.url, count=1)

    def note(self, request: Request) -> None:
        """Add a request. The server calls this."""
        self._requests.append(request)


class Connection:
    """A connection from a client, for one request. Its methods never wait."""

    def __init__(self, sock: socket.socket, peer: Peer) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._peer = peer
        self._in = bytearray()
        self._out = bytearray()
        self._answered = False
        self.is_over = False
        self.who = ""

    def fileno(self) -> int:
        """Return the socket's file descriptor."""
        return self._socket.fileno()

    @property
    def wants_to_write(self) -> bool:
        """Whether data is waiting to be written."""
        return bool(self._out)

    def read(self) -> None:
        """Read what has arrived, and answer a complete request."""
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.is_over = not self._out
            self._answered = True
            return
        if self._answered:
            return  # what follows the request is dropped
        self._in += data
        if b"\r\n\r\n" in self._in or b"\n\n" in self._in or len(self._in) > MAX_HEAD:
            self._answered = True
            self._out += self._peer.answer(bytes(self._in), self)
            self._in.clear()
            self.write()

    def write(self) -> None:
        """Write as much as the client can take now; then send no more, so that it can read to the end."""
        try:
            while self._out:
                del self._out[: self._socket.send(self._out[:CHUNK])]
        except BlockingIOError:
            return
        except OSError:
            self._out.clear()  # the client is gone
            self.is_over = True
            return
        self._peer.transcript.hung_up("server", self.who)
        # Closed now, the socket would be reset if the client has sent more, and the answer would be lost.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def hang_up(self) -> None:
        """Close the socket."""
        self._socket.close()


class Peer(Serving[Connection]):
    """An HTTP server on a port, until it is closed. Raises ForeignListenerError if the port is taken."""

    def __init__(self, port: int) -> None:
        self.transcript = Transcript()
        self._pages: dict[Key, Page] = {}
        self._requests: list[Request] = []
        super().__init__(port)

    @property
    def requests(self) -> Requests:
        """All requests so far, for any page and for none."""
        return Requests(self._requests)

    def add(self, page: Page) -> None:
        """Add a page, or replace the one that has the same URL."""
        with self._lock:
            self._pages[key_of(page.url)] = page

    def page(self, url: str) -> Page | None:
        """Return the page at a URL, no matter how it names this machine."""
        return self._pages.get(key_of(url))

    def answer(self, data: bytes, connection: Connection) -> bytes:
        """Record a request, and return the bytes that answer it. The server's own thread calls this."""
        request = _read(data)
        with self._lock:
            page = self._pages.get(request.key) if request is not None else None
            reply = NOT_HTTP if request is None else NOT_FOUND if page is None else page.reply
            if page is not None:
                connection.who = page.who
                if (location := reply.fields.get("Location")) and (next_one := self.page(urljoin(page.url, location))):
                    next_one.who = page.who
            self.transcript.received(data, who=connection.who)
            request = request or Request("", "", "HTTP/1.0", ())
            sent = reply.sent(request)
            self.transcript.sent(sent, who=connection.who)
            self._requests.append(request)
            if page is not None:
                page.note(request)
            return sent

    def _accept(self, sock: socket.socket) -> Connection | None:
        if len(self._connections) >= MOST_CONNECTIONS or len(self._requests) >= MOST_REQUESTS:
            return None
        return Connection(sock, self)

    def _look_after(self, connection: Connection) -> None:
        if connection.is_over:
            self._drop(connection)
            self._connections.remove(connection)
            connection.hang_up()
        else:
            self._wait_for(connection)


def _read(data: bytes) -> Request | None:
    """Return the request in these bytes (RFC 9112, section 2.1); None for anything else, or if it does not end."""
    head, end, _ = data.replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    match = REQUEST_LINE.fullmatch(first)
    if match is None or not end or not all(":" in line for line in lines):
        return None
    fields = [(name, value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines)]
    return Request(match[1], match[2], match[3], fields)
