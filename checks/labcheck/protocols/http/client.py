"""An HTTP/1.1 client for checks: it records every byte, never waits forever, and reports errors in plain words.

It is as lenient as a browser (RFC 9112, section 2.2: a bare LF ends a line). After an answer it reads until the server
closes the connection or comes to rest, to detect a body whose length differs from the announced one. Each connection
carries one request.
"""

from __future__ import annotations

import contextlib
import json as json_module
import re
import shlex
import sys
from typing import TYPE_CHECKING

from labcheck.errors import HttpError, Trouble
from labcheck.program import clock, sockets
from labcheck.protocols.deadline import in_words
from labcheck.protocols.http.answer import Answer
from labcheck.protocols.http.arrival import Arrival
from labcheck.protocols.http.evidence import Early
from labcheck.protocols.http.malformed import HEADER, can_be_status_line, explain_header, explain_start
from labcheck.protocols.manners import LINGER
from labcheck.protocols.stream import SHORT, Stream, printf_by_hand
from labcheck.record.text import show_bytes

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping

    from labcheck.program.activity import Activity
    from labcheck.protocols.deadline import Deadline
    from labcheck.protocols.http.evidence import Status
    from labcheck.protocols.manners import Manners
    from labcheck.record.transcript import Transcript

MAX_HEAD = 64 * 1024  # bytes of a status line and headers
MAX_BODY = 16 * 1024 * 1024
LINGER_AGAIN = 0.01  # like LINGER, for a server that did not close its connection before, and never rests
GLANCE = 0.002  # seconds between two looks at the connection and the server
SETTLED = 0.005  # seconds at rest, after which the server sends nothing more
SOON = 0.1  # of the time for the first byte; after that, labcheck notes what the program does instead of answering
READ_AT_ONCE = 1000  # bytes of a request; a server that has accepted the connection reads a short one at once
WAITING = "the client that waits"  # its name in a transcript
FORM = "application/x-www-form-urlencoded"  # the media type of a form that a browser posts


class Connection(Stream):
    """One connection of one client to the server, for one request. Use it in a `with` block, which closes it."""

    def __init__(
        self,
        sock: socket.socket,
        transcript: Transcript,
        deadline: Deadline,
        manners: Manners,
        activity: Activity | None,
        usual_port: int,
        who: str = "",
    ) -> None:
        super().__init__(sock, transcript, deadline, who)
        self.by_hand = ""  # a command that sends the request
        self._manners = manners
        self._activity = activity
        self._usual_port = usual_port
        self._arrival: Arrival | None = None
        self._size = 0  # bytes to send
        self._served = False

    def send(self, data: bytes) -> None:
        """Send all of `data`. A server that no longer reads causes no error here: it may have answered already."""
        self._transcript.by_hand = printf_by_hand(data, self._usual_port)
        self._size += len(data)
        super().send(data)

    @property
    def was_not_read(self) -> bool:
        """Whether the program ended before it read what was sent: the system then resets the connection.

        False if that is not certain. Windows resets the connections of every program that ends.
        """
        was_reset = self._was_reset and not self._buffer and not self._served
        return was_reset and self._size <= READ_AT_ONCE and sys.platform != "win32"

    @property
    def waited(self) -> float:
        """The seconds from a request that `begin` has sent to the first byte of its answer, whether read or not."""
        if self._arrival is None:
            raise ValueError("only a request that `begin` has sent is timed")
        return self._arrival.seconds

    def begin(self, data: bytes) -> None:
        """Send a request whose answer may take long, and note when the answer comes, also while nothing reads it."""
        self._arrival = Arrival(self._socket)
        self.send(data)

    def read_answer(
        self, method: str = "GET", patience: float | None = None, *, until_closed: bool = False, waits: float = 0.0
    ) -> Answer:
        """Read the answer to a request with the given method.

        `patience` is the number of seconds to wait for the first byte, if that is less than the deadline. `waits` is
        for a request that `begin` has sent: the number of seconds that the server was asked to wait with its answer;
        the deadline and `patience` begin after them. `until_closed`: wait LINGER seconds for the server to close the
        connection, even if it is at rest. Raises HttpError if no answer arrives in time, or if it is not valid HTTP/1.0
        or HTTP/1.1.
        """
        self._transcript.by_hand = self.by_hand or self._transcript.by_hand
        self._deadline.renew()
        asked = max(0.0, waits - self.waited) if waits else 0.0
        self._deadline.extend(asked)
        started = clock.now() + asked  # an answer is not slow because it was to come later
        first = self._deadline if patience is None else self._deadline.at_most(asked + patience)
        self._wait_for_first_byte(first)
        if self._buffer:
            self._manners.slowest = max(self._manners.slowest, clock.now() - started)
        code, reason, fields = self._read_head()
        while 100 <= code < 200 and code != 101:  # RFC 9110, section 15.2: interim, the final one follows
            code, reason, fields = self._read_head()
        values = {name.lower(): value for name, value in fields}
        body, length = self._read_body(code, values, method)
        seconds = max(0.0, clock.now() - started)
        self._manners.answered = True
        self._manners.note_wait(seconds)
        self._manners.served += not self._served
        self._served = True
        # A wrong body may follow the headers in a second write, perhaps from a slow disk.
        linger = LINGER if until_closed or method == "HEAD" else self._manners.linger
        self._read_on(linger, even_at_rest=until_closed)
        if self._buffer:
            body += self._take(len(self._buffer))
        return Answer(code, reason, fields, body, length, seconds)

    def so_far(self) -> Early:
        """Return the beginning of an answer that has arrived already; empty without one. Does not wait.

        Compare with `assert connection.so_far() == ""`.
        """
        while not self._closed and self._read_more(self._deadline.at_most(GLANCE)):
            pass
        self._transcript.by_hand = self.by_hand
        if self._closed and not self._buffer:
            return Early("the connection was closed")
        return Early(self._buffer.partition(b"\n")[0].decode("latin-1").strip())

    def read_refusal(self) -> Status | None:
        """Read the answer to bytes that are not a valid request.

        Returns the status code, or None if the server closed the connection without one. Raises HttpError if neither
        happens before the deadline.
        """
        try:
            return self.read_answer().status
        except HttpError as error:
            if error.trouble is Trouble.CLOSED:
                return None
            if error.trouble is Trouble.MALFORMED:  # a page without a status line, as in HTTP/0.9
                self.read_to_end()
                return None
            raise

    def read_to_end(self) -> bytes:
        """Read until the server closes the connection, and return the bytes that arrived.

        Raises HttpError if the connection is still open at the deadline, or if more than 16 MiB arrive.
        """
        while self._read_more(self._deadline):
            self._check_size(MAX_BODY)
        if not self._closed:
            raise self._too_slow(f"the connection was still open after {self._deadline.seconds:g} s")
        return bytes(self._buffer)

    def _wait_for_first_byte(self, limit: Deadline) -> None:
        if self._buffer or self._read_more(limit.at_most(SOON * limit.seconds)) or self._closed:
            return
        watch = self._activity.watch() if self._activity is not None else ""
        if not self._read_more(limit) and not self._closed:
            text = f"no answer: no byte for {in_words(limit.seconds)}"
            self._transcript.missed(text, limit.seconds, who=self._who)
            raise HttpError(Trouble.SILENT, "; ".join(filter(None, (text, str(watch)))))

    def _too_slow(self, text: str) -> HttpError:
        """Return the error for something that did not arrive before the deadline."""
        self._transcript.missed(text, self._deadline.seconds, who=self._who)
        return HttpError(Trouble.SLOW, text)

    def _check_size(self, limit: int) -> None:
        if len(self._buffer) > limit:
            raise HttpError(Trouble.TOO_LARGE, f"the answer does not end: more than {limit:,} bytes arrived")

    def _missing(self, what: str) -> HttpError:
        """Return the error for an answer that broke off before `what`."""
        came = f"after {show_bytes(bytes(self._buffer))}" if self._buffer else "without an answer"
        if self._closed and not self._buffer:
            when = f", {self.waited:.1f} s after the request" if self._arrival is not None else ""
            return HttpError(Trouble.CLOSED, f"the connection was closed without an answer{when}")
        if self._closed:
            return HttpError(Trouble.CLOSED, f"the connection was closed {came}, before {what}")
        seconds = f"{self._deadline.seconds:g} s"
        return self._too_slow(f"the time limit of {seconds} passed {came}, before {what}")

    def _read_head(self) -> tuple[int, str, list[tuple[str, str]]]:
        while True:
            if not can_be_status_line(self._buffer):
                self._read_on(self._manners.linger, even_at_rest=False)  # what follows may explain it
                raise explain_start(bytes(self._buffer))
            if end := re.search(rb"\r?\n\r?\n", self._buffer):
                break
            if len(self._buffer) > MAX_HEAD:
                raise HttpError(Trouble.TOO_LARGE, f"the headers do not end: more than {MAX_HEAD:,} bytes arrived")
            if not self._read_more(self._deadline):
                raise self._missing("the empty line that ends the headers")
        status_line, *lines = re.split(rb"\r?\n", bytes(self._buffer[: end.start()]))
        del self._buffer[: end.end()]
        # RFC 9112, section 4: HTTP-version SP status-code SP [reason-phrase]
        match = re.fullmatch(rb"HTTP/1\.[01] (\d{3})(?: (.*))?", status_line)
        if not match:
            raise explain_start(status_line)
        fields: list[tuple[str, str]] = []
        for header in lines:
            if not HEADER.match(header):
                self._read_on(self._manners.linger, even_at_rest=False)  # the report shows all that came
                raise explain_header(header)
            name, _, value = header.decode("latin-1").partition(":")
            fields.append((name, value.strip(" \t")))
        return int(match[1]), (match[2] or b"").decode("latin-1"), fields

    def _read_body(self, code: int, fields: Mapping[str, str], method: str) -> tuple[bytes, int | None]:
        """Return the body, and its announced length if it has one (RFC 9112, section 6.3)."""
        if method == "HEAD" or code in (101, 204, 304):  # after 101, the bytes are of another protocol
            return b"", 0
        if "chunked" in fields.get("transfer-encoding", "").lower():
            return self._read_chunks(), None
        announced = fields.get("content-length", "")
        if not announced.isdecimal():
            return self._take(len(self.read_to_end())), None
        length = int(announced[:18])
        while len(self._buffer) < min(length, MAX_BODY + 1) and self._read_more(self._deadline):
            pass
        self._check_size(MAX_BODY)
        if len(self._buffer) < length and not self._closed:
            raise self._too_slow(
                f"Content-Length announces {length:,} bytes, but only {len(self._buffer):,} arrived within "
                f"{self._deadline.seconds:g} s and the connection stayed open",
            )
        return self._take(length), length

    def _read_on(self, linger: float, *, even_at_rest: bool) -> None:
        """Read what the server sends after a complete answer: the rest of a body that is longer than announced.

        Reads for up to `linger` seconds, until the server closes the connection or is at rest. Waiting for the end of
        every connection would take too long with a server that keeps connections open.
        """
        limit = self._deadline.at_most(linger)
        if self._activity is not None:
            self._activity.begin_rest()
        while not self._closed and not limit.passed() and len(self._buffer) < MAX_BODY:
            if self._activity is None or even_at_rest:
                self._read_more(limit)
            elif not self._read_more(limit.at_most(GLANCE)) and not self._closed and self._activity.has_rested(SETTLED):
                return
        if not self._closed:
            self._manners.linger = LINGER_AGAIN

    def _read_chunks(self) -> bytes:
        """Decode a chunked body (RFC 9112, section 7.1)."""
        body = bytearray()
        while size := self._read_chunk_size():
            while len(self._buffer) < size + 2:
                self._check_size(MAX_BODY)
                if not self._read_more(self._deadline):
                    raise self._missing("the end of a chunk")
            body += self._buffer[:size]
            del self._buffer[:size]
            self._read_line()
            if len(body) > MAX_BODY:
                raise HttpError(Trouble.TOO_LARGE, f"the body does not end: more than {MAX_BODY:,} bytes arrived")
        while self._read_line():  # trailers
            pass
        return bytes(body)

    def _read_chunk_size(self) -> int:
        line = self._read_line()
        size = line.partition(b";")[0].strip(b" \t")
        if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", size):  # int() also takes -1, 0x10 and 1_0
            raise HttpError(Trouble.MALFORMED, f"this is not a chunk size (a hexadecimal number): {show_bytes(line)}")
        return int(size, 16)

    def _read_line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            self._check_size(MAX_HEAD)
            if not self._read_more(self._deadline):
                raise self._missing("the end of a chunk's line")
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line


class Client:
    """Clients of one HTTP server; each request uses a new connection.

    `open_socket` opens a connection: see `Program.connect`. `usual_port` is the port in the commands that repeat a
    request by hand. `deadline` begins again with every exchange: all methods raise HttpError if no valid
    answer arrives before it. `activity` says when the server is at rest, and sends nothing more.
    """

    def __init__(
        self,
        open_socket: Callable[[float, int | None], socket.socket],
        port: int,
        usual_port: int,
        transcript: Transcript,
        deadline: Deadline,
        manners: Manners,
        activity: Activity | None = None,
    ) -> None:
        self.port = port
        self._open_socket = open_socket
        self._usual_port = usual_port
        self.transcript = transcript
        self._deadline = deadline
        self._manners = manners
        self._activity = activity

    def connect(
        self, within: float | None = None, *, receive_buffer: int | None = None, who: str = ""
    ) -> Connection:  # fmt: skip
        """Open a connection, within `within` seconds if that is less than the deadline.

        `who` is its name in the transcript, if there are several. `receive_buffer` is the size in bytes of the kernel's
        buffer for received data; a small one simulates a client that does not read. Raises HttpError if no process
        listens or the connection is not accepted.
        """
        self._deadline.renew()
        deadline = self._deadline if within is None else self._deadline.at_most(within)
        try:
            sock = self._open_socket(deadline.left(), receive_buffer)
        except TimeoutError:
            text = f"no connection {deadline.words}: the program does not accept it"
            self.transcript.missed(text, deadline.seconds)
            raise HttpError(Trouble.SILENT, text) from None
        except OSError as error:
            if isinstance(error, ConnectionRefusedError) or not sockets.is_open(self.port):
                raise self._refused() from None
            text = f"the connection was closed without an answer ({error.strerror})"
            raise HttpError(Trouble.CLOSED, text) from None
        return Connection(sock, self.transcript, self._deadline, self._manners, self._activity, self._usual_port, who)

    def get(self, target: str) -> Answer:
        """Send a GET request for a target: a path as it is written in the request line, with its query."""
        return self.request("GET", target)

    def follow(self, answer: Answer) -> Answer:
        """Follow a redirect to another path of the same server; return any other answer unchanged.

        Some frameworks redirect a client from //a to /a before they check whether /a exists.
        """
        location = answer.header("Location")
        if answer.status not in range(300, 400) or location is None:
            return answer
        path = re.sub(rf"^http://[^/]*:{self.port}(?=/)", "", location, flags=re.IGNORECASE)
        return self.get(path) if re.fullmatch(r"/[!-~]*", path) else answer

    def head(self, target: str) -> Answer:
        """Send a HEAD request, which asks only for the headers."""
        return self.request("HEAD", target)

    def post(self, target: str, form: str) -> Answer:
        """Send a POST request with a form that is encoded as application/x-www-form-urlencoded."""
        return self.request("POST", target, {"Content-Type": FORM}, form)

    def request(
        self, method: str, target: str, fields: Mapping[str, str] | None = None, body: str | bytes = "",
        *, json: object = None, patience: float | None = None, until_closed: bool = False,
    ) -> Answer:  # fmt: skip
        """Send a request in one write, and read the answer.

        `fields` are added to the header fields Host and Connection: close, or replace them. `body` gets a
        Content-Length by itself; `json` is a value that is sent as JSON instead. `patience` is the number of seconds to
        wait for the first byte of the answer, if that is less than the deadline. `until_closed`: then wait a second for
        the server to close the connection.
        """
        fields, content = self._with_content(fields or {}, body, json)
        data = self.head_of(method, target, fields) + content
        by_hand = self._curl(method, target, fields, content)
        if method == "HEAD":  # curl does not show a body that wrongly follows the answer
            by_hand = printf_by_hand(data, self._usual_port)
        begin, before = len(self.transcript.events), self.transcript.by_hand
        self.transcript.by_hand = by_hand
        try:
            with self.connect() as connection:
                connection.send(data)
                self.transcript.by_hand = by_hand
                try:
                    return connection.read_answer(method, patience, until_closed=until_closed)
                except HttpError:
                    if connection.was_not_read and not sockets.is_open(self.port):
                        raise self._refused() from None
                    raise
        except HttpError as error:
            if error.trouble is Trouble.REFUSED:  # the request before this one has ended the program
                self.transcript.take_back(begin)
                self.transcript.by_hand = before or by_hand
            raise

    @contextlib.contextmanager
    def ask(self, *targets: str) -> Iterator[list[Connection]]:
        """Send a GET request for each target on a connection of its own, and yield the connections, without waiting.

        They are opened one after the other, and not too fast: a listen backlog of 5 is common. Read the answers with
        `read_answer`; the connections are closed after the `with` block. Raises HttpError if one cannot be opened.
        """
        with contextlib.ExitStack() as stack:
            asked = []
            for place in sockets.paced(len(targets), self.port):
                who = f"client {place + 1}" if len(targets) > 1 else WAITING
                asked.append(stack.enter_context(self._begin(targets[place], who, Connection.send)))
            yield asked

    def begin(self, target: str, who: str = WAITING) -> Connection:
        """Send a GET request whose answer may take long, and return its connection without waiting.

        Read the answer with `read_answer(waits=SECONDS)`, and close the connection; `waited` is the time that the
        answer took. Raises HttpError if it cannot be opened.
        """
        return self._begin(target, who, Connection.begin)

    def _begin(self, target: str, who: str, send: Callable[[Connection, bytes], None]) -> Connection:
        connection = self.connect(who=who)
        send(connection, self.head_of("GET", target))
        connection.by_hand = self._curl("GET", target, {}, b"")
        return connection

    def _with_content(
        self, fields: Mapping[str, str], body: str | bytes, value: object
    ) -> tuple[dict[str, str], bytes]:
        """Return the header fields with those that describe the content, and the content as bytes."""
        found = dict(fields)
        content = body.encode() if isinstance(body, str) else body
        if value is not None:
            content = json_module.dumps(value, ensure_ascii=False).encode()
            found.setdefault("Content-Type", "application/json")
        known = {name.lower() for name in found}
        if content and not known & {"content-length", "transfer-encoding"}:
            found["Content-Length"] = str(len(content))
        return found, content

    def _refused(self) -> HttpError:
        return HttpError(Trouble.REFUSED, f"nothing listens on port {self.port} (any more)")

    def head_of(self, method: str, target: str, fields: Mapping[str, str] | None = None) -> bytes:
        """Return the request line and the headers as bytes (RFC 9112, section 2.1).

        What came in a header field goes back as the same bytes; a field with other text goes as UTF-8. Raises
        UnicodeEncodeError if the target is not percent-encoded.
        """
        lines = {"Host": f"localhost:{self.port}", "Connection": "close", **(fields or {})}
        head = f"{method} {target} HTTP/1.1\r\n".encode("latin-1")
        return head + b"".join(_line(name, value) for name, value in lines.items()) + b"\r\n"

    def _curl(self, method: str, target: str, fields: Mapping[str, str], content: bytes) -> str:
        """Return a command that sends this request; empty if that is not possible in a short line."""
        try:
            body = content.decode()
        except UnicodeDecodeError:
            return ""
        if len(target) + len(body) > SHORT or not (body + "x").isprintable():
            return ""
        words = ["curl", "-i"]
        if method != ("POST" if body else "GET"):
            words += ["-X", method]
        if any(part in target for part in ("..", "//")):
            words.append("--path-as-is")
        for name, value in fields.items():
            if not (body and (name, value) in (("Content-Type", FORM), ("Content-Length", str(len(content))))):
                words += ["-H", f"{name}: {value}"]
        if body:
            words += ["--data-raw" if body.startswith("@") else "-d", body]
        words.append(f"http://localhost:{self._usual_port}{target}")
        return shlex.join(words)


def _line(name: str, value: str) -> bytes:
    line = f"{name}: {value}\r\n"
    try:
        return line.encode("latin-1")
    except UnicodeEncodeError:
        return line.encode("utf-8", "surrogatepass")
