"""A web server written by hand on asyncio streams, with keep-alive and pipelining."""

import asyncio
import html
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

SITE = Path(__file__).resolve().parent / "site"
TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "png": "image/png",
    "jpg": "image/jpeg",
    "svg": "image/svg+xml",
    "json": "application/json",
}
PHRASES = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    501: "Not Implemented",
}
PIECE = 1 << 16


class Refused(Exception):
    """A request that gets an error; `last` means that the connection cannot be used afterwards."""

    def __init__(self, status, last=False):
        super().__init__(status)
        self.status, self.last = status, last


def parse(head):
    """Return method, target, version and headers of a request's head (bytes)."""
    first, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[1].startswith("/") or not words[2].startswith("HTTP/1."):
        raise Refused(400, last=True)
    return *words, {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}


def locate(path):
    """Return the file that a path names."""
    try:
        name = unquote_to_bytes(path).decode("utf-8", "strict")
        file = SITE.joinpath(name[1:] + "index.html" * name.endswith("/")).resolve()
        if not file.is_relative_to(SITE.resolve()):
            raise Refused(403)
        if not file.is_file():
            raise Refused(404)
    except (OSError, RuntimeError, ValueError):
        raise Refused(404) from None
    return file


def page(path, fields):
    """Return the page (bytes) that shows a path, the date and the fields of a form."""
    today = date.today()
    items = "".join(f"<li><b>{html.escape(name)}</b>: <i>{html.escape(value)}</i></li>\n" for name, value in fields)
    return (
        f"<!doctype html><meta charset=utf-8><title>asyncio</title>\n<p>Path: {html.escape(unquote(path))}</p>\n"
        f"<p>Day {today.timetuple().tm_yday} / {today.year}</p>\n<ul>\n{items}</ul>\n"
    ).encode()


async def read_form(reader, headers):
    """Read the body of a POST, and return its fields."""
    length = headers.get("content-length")
    if length is None:
        raise Refused(411, last=True)
    if not (length.isascii() and length.isdigit()):
        raise Refused(400, last=True)
    if int(length) > 1_048_576:
        raise Refused(413, last=True)
    body = await reader.readexactly(int(length))
    return parse_qsl(body.decode(errors="replace"), keep_blank_values=True)


def send_head(writer, status, content_type, length, last):
    writer.write(
        f"HTTP/1.1 {status} {PHRASES[status]}\r\n"
        f"Content-Type: {content_type}\r\n"
        f"Content-Length: {length}\r\n"
        f"Connection: {'close' if last else 'keep-alive'}\r\n\r\n".encode()
    )


async def answer(reader, writer):
    """Answer one request, and return whether another may follow."""
    head = await reader.readuntil(b"\r\n\r\n")
    last, method = False, ""
    try:
        method, target, version, headers = parse(head)
        last = version == "HTTP/1.0" or headers.get("connection", "").lower() == "close"
        path = target.partition("?")[0]
        if method not in ("GET", "HEAD", "POST"):
            raise Refused(501, last=True)
        if path.endswith(".zzz"):
            body = page(path, await read_form(reader, headers) if method == "POST" else [])
            send_head(writer, 200, "text/html; charset=utf-8", len(body), last)
            writer.write(body if method != "HEAD" else b"")
        elif method == "POST":
            raise Refused(405, last=True)
        else:
            file = locate(path)
            with file.open("rb") as source:
                kind = TYPES.get(file.suffix[1:], "application/octet-stream")
                send_head(writer, 200, kind, file.stat().st_size, last)
                while method == "GET" and (piece := source.read(PIECE)):
                    writer.write(piece)
                    await writer.drain()
    except Refused as refusal:
        last = last or refusal.last
        text = f"{refusal.status} {PHRASES[refusal.status]}\n".encode()
        send_head(writer, refusal.status, "text/plain", len(text), last)
        writer.write(text if method != "HEAD" else b"")
    await writer.drain()
    return not last


async def visit(reader, writer):
    """Serve one client until either side closes the connection."""
    with suppress(OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
        while await answer(reader, writer):
            pass
        # Close gently: closing while bytes are still arriving would reset the connection and lose the answer.
        writer.write_eof()
        async with asyncio.timeout(1):
            while await reader.read(PIECE):
                pass
    writer.close()


async def serve(port):
    server = await asyncio.start_server(visit, "127.0.0.1", port)
    print(f"Started HTTP server, http://127.0.0.1:{port}/")
    try:
        await asyncio.Event().wait()
    finally:
        server.close()


if __name__ == "__main__":
    try:
        asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8001))
    except KeyboardInterrupt:
        print("Ctrl+C: shutting down")
