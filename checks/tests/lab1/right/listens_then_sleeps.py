"""A web server that listens at once, but waits 1.5 s before it reports this and answers the first client."""

import socket
import sys
import threading
import time
from contextlib import suppress
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

SITE = (Path(__file__).parent / "site").resolve()
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


def read_head(stream):
    """Read a request up to its empty line; return the words of its first line and its header fields."""
    words = stream.readline(65536).decode("latin-1").split()
    headers = {}
    while line := stream.readline(65536).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return words, headers


def handle(stream):
    """Read a request and return the status, type and body of the answer; the body may be an open file."""
    words, headers = read_head(stream)
    if len(words) != 3 or not words[1].startswith("/"):
        return "", "400 Bad Request", "text/plain", b"?"
    method, path = words[0], words[1].partition("?")[0]
    if method in ("GET", "HEAD"):
        return method, *(page(path, {}) if path.endswith(".zzz") else file(path))
    if method != "POST":
        return method, "405 Method Not Allowed", "text/plain", b"GET, HEAD or POST"
    if not path.endswith(".zzz"):
        return method, "405 Method Not Allowed", "text/plain", b"GET or HEAD"
    length = headers.get("content-length", "none")
    if not (length.isascii() and length.isdigit()):
        return method, "411 Length Required", "text/plain", b"How long?"
    if int(length) > 1_048_576:
        return method, "413 Content Too Large", "text/plain", b"Too long."
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(stream.read(int(length)).decode(errors="replace"), keep_blank_values=True):
        fields.setdefault(name, []).append(value)
    return method, *page(path, fields)


def page(path, fields):
    date = time.strftime("%A, day %j, %Y")
    rows = [f"<h3>{escape(name)}</h3>" + "".join(f"<p>{escape(v)}</p>" for v in fields[name]) for name in fields]
    body = f"<!doctype html>\n<title>{date}</title>\n<h1>{escape(unquote(path))}</h1>\n{''.join(rows)}\n"
    return "200 OK", "text/html; charset=utf-8", body.encode()


def file(path):
    try:
        name = unquote_to_bytes(path).decode()[1:]
        found = (SITE / (name + "index.html" if name == "" or name.endswith("/") else name)).resolve()
        if found.is_relative_to(SITE) and found.is_file():
            return "200 OK", TYPES.get(found.suffix.lower(), "application/octet-stream"), found.open("rb")
    except (OSError, RuntimeError, ValueError):
        pass
    return "404 Not Found", "text/plain", b"There is no such file."


def visit(client):
    with suppress(OSError), client, client.makefile("rb") as stream:
        method, status, kind, body = handle(stream)
        length = len(body) if isinstance(body, bytes) else body.seek(0, 2)
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        client.sendall(head.encode())
        if isinstance(body, bytes):
            client.sendall(body if method != "HEAD" else b"")
        else:
            with body:
                body.seek(0)
                if method != "HEAD":
                    client.sendfile(body)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(1)
        while stream.read(65536):
            pass


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    try:
        time.sleep(1.5)
        print("Started HTTP server, at last, on port", port)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=visit, args=[client], daemon=True).start()
    except KeyboardInterrupt:
        print("shutting down")


if __name__ == "__main__":
    main()
