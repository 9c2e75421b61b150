"""A web server on an asyncio protocol, with callbacks instead of streams, that listens on 0.0.0.0."""

import asyncio
import sys
import time
from html import escape
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

SITE = Path(__file__).resolve().with_name("site")
TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "png": "image/png",
    "jpg": "image/jpeg",
    "svg": "image/svg+xml",
    "json": "application/json",
}
MOST = 1 << 20


class Client(asyncio.Protocol):
    """One connection: collects bytes until a request is complete, and answers it."""

    def __init__(self):
        self.received = bytearray()
        self.missing = None
        self.answered = False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if self.answered:
            return
        self.received += data
        if self.missing is None:
            if b"\r\n\r\n" in self.received:
                self.head_received()
            elif len(self.received) > 65536:
                self.transport.abort()
        elif len(self.received) >= self.missing:
            self.form_received()

    def head_received(self):
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        try:
            self.method, target, _ = first.split(" ")
        except ValueError:
            self.method = ""
            return self.refuse(HTTPStatus.BAD_REQUEST)
        self.path = target.split("?", 1)[0]
        if self.method == "POST" and self.path.endswith(".zzz"):
            return self.form_announced(headers.get("content-length", "0"))
        if self.method == "POST":
            return self.refuse(HTTPStatus.METHOD_NOT_ALLOWED)
        if self.method not in ("GET", "HEAD"):
            return self.refuse(HTTPStatus.NOT_IMPLEMENTED)
        if self.path.endswith(".zzz"):
            return self.answer_page([])
        return self.answer_file()

    def form_announced(self, length):
        if not length.isascii() or not length.isdigit():
            return self.refuse(HTTPStatus.BAD_REQUEST)
        if int(length) > MOST:
            return self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        self.missing = int(length)
        return self.data_received(b"")

    def form_received(self):
        form = self.received[: self.missing].decode(errors="replace")
        self.answer_page(parse_qsl(form, keep_blank_values=True))

    def answer_page(self, fields):
        now = time.localtime()
        body = f"<!doctype html>\n<pre>\n{escape(unquote(self.path))}\n{now.tm_yday}\n{now.tm_year}\n"
        body += "".join(f"{escape(name)}\t{escape(value)}\n" for name, value in fields)
        self.answer(HTTPStatus.OK, "text/html;charset=UTF-8", f"{body}</pre>\n".encode())

    def answer_file(self):
        try:
            name = unquote_to_bytes(self.path).decode().removeprefix("/")
            file = (SITE / (f"{name}index.html" if name[-1:] in ("", "/") else name)).resolve()
            if SITE in file.parents and file.is_file():
                kind = TYPES.get(file.suffix[1:].lower(), "application/octet-stream")
                return self.answer(HTTPStatus.OK, kind, file.read_bytes())
        except (OSError, RuntimeError, ValueError):
            pass
        return self.refuse(HTTPStatus.NOT_FOUND)

    def refuse(self, status):
        self.answer(status, "text/html", f"<h1>{status.phrase}</h1>{status.description}".encode())

    def answer(self, status, kind, body):
        self.answered = True
        head = f"HTTP/1.1 {status} {status.phrase}\r\nConnection: close\r\n"
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + (b"" if self.method == "HEAD" else body))
        self.transport.write_eof()
        # The client closes the connection when it has read everything; otherwise the server closes it later.
        asyncio.get_running_loop().call_later(60, self.transport.abort)


async def serve(port):
    await asyncio.get_running_loop().create_server(Client, "0.0.0.0", port)
    print("Started HTTP server on all addresses, port", port)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    try:
        asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8001))
    except KeyboardInterrupt:
        sys.stderr.write("SHUTTING DOWN\n")
