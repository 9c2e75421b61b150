"""A request and its answer as bytes, shown line by line with the name of each part (RFC 9112)."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from labcheck.errors import HttpError, Trouble
from labcheck.jupyter import ProgramError, fragment
from labcheck.record.text import printable, shorten
from labcheck.record.transcript import Transcript

if TYPE_CHECKING:
    from labcheck.protocols.http.answer import Answer
    from labcheck.protocols.http.client import Client

SHOWN_WORD = 60  # characters of a word in the name of a part
BODY_LINES = 20  # lines of a body that are shown
BODY_TEXT = 1_500  # characters of a body that are shown
BODY_BYTES = 32  # bytes of a body that are shown if it is not text


class Row(NamedTuple):
    """A line of a message: its text, its line ending, and the name of this part of the message."""

    text: str
    end: str
    part: str


class Headers(Mapping[str, str]):
    """The header fields of a message. Names are case-insensitive."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        values = [value for key, value in self._fields if key.lower() == name.lower()]
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self._fields))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return repr(dict(self))


class Wire(Transcript):
    """A transcript that keeps all bytes in both directions, and the time of the last one received.

    What it records goes into `log`: a transcript has limits.
    """

    def __init__(self, log: Transcript) -> None:
        super().__init__()
        self._log = log
        self.out, self.back = bytearray(), bytearray()
        self._sent_at = self._came_at = time.monotonic()

    @property
    def seconds(self) -> float:
        """The seconds from the request to the last byte of the answer."""
        return self._came_at - self._sent_at

    def sent(self, data: bytes, what: str = "", who: str = "") -> None:
        """Keep the bytes that were sent."""
        self._log.sent(data, what, who)
        self.out += data
        self._sent_at = self._came_at = time.monotonic()

    def received(self, data: bytes, what: str = "", who: str = "") -> None:
        """Keep the bytes that were received."""
        self._log.received(data, what, who)
        self.back += data
        self._came_at = time.monotonic()

    def hung_up(self, side: str, who: str = "") -> None:
        """Record that one side has closed the connection."""
        self._log.hung_up(side, who)

    def missed(self, text: str, seconds: float, what: str = "", who: str = "") -> None:
        """Record that something did not arrive."""
        self._log.missed(text, seconds, what, who)


@dataclass(frozen=True)
class Exchange:
    """All bytes sent and received on one connection.

    `status` is None if no answer came, or if it was not HTTP. `note` then says what came instead.
    """

    sent: bytes
    received: bytes
    status: int | None
    reason: str
    headers: Headers
    body: bytes
    text: str
    seconds: float
    note: str = ""

    @property
    def _messages(self) -> list[tuple[str, list[Row]]]:
        found = [(f"sent, {len(self.sent):,} bytes", rows_of(self.sent, "request"))]
        if self.received:
            title = f"received, {len(self.received):,} bytes, after {self.seconds:.3f} s"
            found.append((title, rows_of(self.received, "answer")))
        return found

    def __repr__(self) -> str:
        return in_text(self._messages, self.note)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return fragment.bundle(repr(self), "exchange.jinja", messages=self._messages, note=self.note)


def known(fields: Mapping[str, str]) -> dict[str, str]:
    """Return header fields. Fields that every request has get their usual names, so that they replace the defaults."""
    usual = {name.lower(): name for name in ("Host", "Connection", "Content-Type", "Content-Length")}
    return {usual.get(name.lower(), name): value for name, value in fields.items()}


def request(client: Client, wire: Wire, method: str, target: str, body: bytes, fields: Mapping[str, str]) -> Exchange:
    """Send a request, and return it with its answer. Raises ProgramError if no answer comes.

    Adds Content-Length for a body or a POST, unless it is in `fields`.
    """
    length = {"Content-Length": str(len(body))} if body or method == "POST" else {}
    fields = length | known(fields)
    try:
        with client.connect() as connection:
            connection.send(client.head_of(method, target, fields) + body)
            return _exchange(wire, connection.read_answer(method))
    except HttpError as error:
        raise ProgramError(str(error)) from None
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.end]
        raise ProgramError(f"{wrong} is not allowed in a request's header; percent-encode the target") from None


def send(client: Client, wire: Wire, data: bytes) -> Exchange:
    """Send raw bytes, and return them with everything that came back. Raises ProgramError if connecting fails."""
    try:
        connection = client.connect()
    except HttpError as error:
        raise ProgramError(str(error)) from None
    with connection:
        connection.send(data)
        try:
            return _exchange(wire, connection.read_answer(data.partition(b" ")[0].decode("latin-1")))
        except HttpError as error:
            note = str(error).partition("\n")[0]  # the bytes themselves are shown below
            if error.trouble is Trouble.MALFORMED:  # for example a page without a status line, as in HTTP/0.9
                with contextlib.suppress(HttpError):
                    connection.read_to_end()
    back = bytes(wire.back)
    text = back.decode("utf-8", "replace")
    return Exchange(bytes(wire.out), back, None, "", Headers([]), back, text, wire.seconds, note)


def _exchange(wire: Wire, answer: Answer) -> Exchange:
    note = "" if answer.whole else "the body is shorter than its Content-Length"
    return Exchange(
        *(bytes(wire.out), bytes(wire.back), answer.code, answer.reason, Headers(answer.fields), answer.body_bytes),
        *(str(answer.source), wire.seconds, note),
    )


def rows_of(message: bytes, kind: str) -> list[Row]:
    """Return a message line by line. `kind` is what the message should be: a `request` or an `answer`."""
    end = re.search(rb"\r?\n\r?\n", message)
    head, body = (message[: end.end()], message[end.end() :]) if end else (message, b"")
    first, *lines = re.findall(rb"[^\n]*\n|[^\n]+", head) or [b""]
    said = _request_line(first) if kind == "request" else _status_line(first)
    if said is None:
        return _body_rows(message, f"not a {'request' if kind == 'request' else 'status'} line")
    named = [_row(line, _field(line) if line.strip() else "empty line: the header ends") for line in lines]
    return [_row(first, said), *named, *_body_rows(body, "body")]


def _request_line(line: bytes) -> str | None:
    words = _text(line.strip()).split(" ")
    if len(words) != 3:
        return None
    method, target, version = (shorten(word, SHOWN_WORD) for word in words)
    return f"request line: method {method}, target {target}, version {version}"


def _status_line(line: bytes) -> str | None:
    match = re.fullmatch(r"(HTTP/1\.[01]) (\d{3})(?: (.*))?", _text(line.strip()))
    if match is None:
        return None
    version, code, reason = match.groups()
    return f"status line: version {version}, status {code}" + (
        f", reason {shorten(reason, SHOWN_WORD)}" if reason else ""
    )


def _field(line: bytes) -> str:
    name, colon, _ = line.partition(b":")
    return f"header field {shorten(_text(name), SHOWN_WORD)}" if colon else "not a header field"


def _text(data: bytes) -> str:
    return printable(data.decode("utf-8", "backslashreplace"))


def _row(line: bytes, part: str) -> Row:
    text = line.rstrip(b"\r\n")
    return Row(_text(text), _text(line[len(text) :]), part)


def _body_rows(body: bytes, what: str) -> list[Row]:
    """Return the beginning of a body; if it is text, line by line."""
    if not body:
        return []
    part = f"{what}, {len(body):,} bytes"
    if not _is_text(body):
        return [Row(f"{len(body):,} bytes, starting with {body[:BODY_BYTES].hex(' ')}", "", part)]
    begin = body.decode()[:BODY_TEXT].encode()
    lines = re.findall(rb"[^\n]*\n|[^\n]+", begin)[:BODY_LINES]
    rows = [_row(line, "" if number else part) for number, line in enumerate(lines)]
    if left := len(body) - sum(map(len, lines)):
        rows.append(Row(f"… {left:,} more bytes", "", ""))
    return rows


def _is_text(body: bytes) -> bool:
    try:
        return "\0" not in body.decode()
    except UnicodeDecodeError:
        return False


def in_text(messages: list[tuple[str, list[Row]]], note: str) -> str:
    """Return messages as plain text."""
    found = []
    for title, rows in messages:
        found += [title, *("  " + line for line in fragment.columns([(row.text + row.end, row.part) for row in rows]))]
    return "\n".join([*found, *([note] if note else [])])
