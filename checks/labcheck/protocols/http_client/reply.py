"""The answer that a check gives to labcheck's server, and the bytes that go over the wire."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labcheck.protocols.http_client.request import Request

CHUNK = 1000  # bytes of the body in each chunk
WITHOUT_BODY = (204, 304)  # RFC 9112, section 6.3


@dataclass(frozen=True)
class Reply:
    """An answer: its status code, its body, and fields besides Date, Connection and those about its length.

    `gzip` packs the body for a client that asks for it; `chunked` sends it in chunks of 1000 bytes, to a client that
    knows them (HTTP/1.1). `cut` is the number of bytes of the body, as it is sent, after which the server goes away.
    `raw` is sent instead of an answer.
    """

    body: bytes = b""
    status: int = 200
    fields: Mapping[str, str] = field(default_factory=dict)
    gzip: bool = False
    chunked: bool = False
    cut: int | None = None
    raw: bytes | None = None

    def sent(self, request: Request) -> bytes:
        """Return the bytes that answer a request."""
        if self.raw is not None:
            return self.raw
        body, is_packed = self.body, self.gzip and "gzip" in request.codings
        fields = {"Date": formatdate(usegmt=True), "Connection": "close", **self.fields}
        if is_packed:
            body = gzip.compress(body, mtime=0)
            fields |= {"Content-Encoding": "gzip"}
        if self.gzip:
            fields.setdefault("Vary", "Accept-Encoding")
        in_chunks = self.chunked and request.version == "HTTP/1.1"
        if in_chunks:
            fields["Transfer-Encoding"] = "chunked"
        elif self.status not in WITHOUT_BODY:
            fields["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        head = f"HTTP/1.1 {self.status} {_phrase(self.status)}\r\n{lines}\r\n".encode("latin-1")
        if request.method == "HEAD" or self.status in WITHOUT_BODY:
            return head
        if in_chunks:
            return head + b"".join(_chunks(body, self.cut))
        return head + body[: self.cut]


def _chunks(body: bytes, cut: int | None) -> Iterator[bytes]:
    """Yield a body in chunks (RFC 9112, section 7.1): all of it, or what comes before the server goes away."""
    most = len(body) if cut is None else cut
    for start in range(0, most, CHUNK):
        piece = body[start : start + CHUNK]
        yield f"{len(piece):x}\r\n".encode() + piece[: most - start]
        if start + len(piece) <= most:
            yield b"\r\n"
    if cut is None:
        yield b"0\r\n\r\n"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
