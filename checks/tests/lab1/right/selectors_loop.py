"""A web server with one thread: non-blocking sockets, a selector, and a generator for each client."""

import selectors
import socket
import sys
import time
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

SITE = (Path(__file__).parent / "site").resolve()
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
MAX_HEAD, MAX_FORM, CHUNK = 65536, 1048576, 262144


def receive(client):
    """Wait until there is something to read, and return it."""
    yield READ
    data = client.recv(CHUNK)
    if not data:
        raise ConnectionResetError
    return data


def send(client, data):
    """Send all the data, a part each time there is room."""
    view = memoryview(data)
    while view:
        yield WRITE
        view = view[client.send(view) :]


def converse(client):
    """Read one request and answer it; yield each event to wait for."""
    data = b""
    while b"\r\n\r\n" not in data:
        if len(data) > MAX_HEAD:
            return
        data += yield from receive(client)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    match first.split(" "):
        case ["GET" | "HEAD" as method, target, _]:
            yield from answer_get(client, method, target.partition("?")[0])
        case ["POST", target, _]:
            yield from answer_post(client, target.partition("?")[0], headers.get("content-length"), body)
        case [_, _, version] if version.startswith("HTTP/"):
            yield from refuse(client, "501 Not Implemented")
        case _:
            yield from refuse(client, "400 Bad Request")
    client.shutdown(socket.SHUT_WR)
    while True:  # until the client closes: closing with unread bytes would reset the connection
        yield from receive(client)


def answer_get(client, method, path):
    if path.endswith(".zzz"):
        body = page(path, [])
        yield from send(client, head_of("200 OK", "text/html; charset=utf-8", len(body)))
        if method == "GET":
            yield from send(client, body)
        return
    file = find(path)
    if file is None:
        yield from refuse(client, "404 Not Found", method)
        return
    with file.open("rb") as source:
        kind = TYPES.get(file.suffix, "application/octet-stream")
        yield from send(client, head_of("200 OK", kind, file.stat().st_size))
        while method == "GET" and (chunk := source.read(CHUNK)):
            yield from send(client, chunk)


def answer_post(client, path, length, body):
    if not path.endswith(".zzz"):
        yield from refuse(client, "405 Method Not Allowed")
    elif length is None or not length.isascii() or not length.isdigit():
        yield from refuse(client, "411 Length Required")
    elif int(length) > MAX_FORM:
        yield from refuse(client, "413 Content Too Large")
    else:
        while len(body) < int(length):
            body += yield from receive(client)
        page_body = page(path, parse_qsl(body[: int(length)].decode("utf-8", "replace"), keep_blank_values=True))
        yield from send(client, head_of("200 OK", "text/html; charset=utf-8", len(page_body)) + page_body)


def refuse(client, status, method="GET"):
    body = f"{status}\n".encode()
    yield from send(client, head_of(status, "text/plain", len(body)) + (body if method == "GET" else b""))


def head_of(status, kind, length):
    head = f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
    return head.encode()


def page(path, fields):
    now = time.localtime()
    rows = "".join(f"<li>{escape(name)} is {escape(value)}" for name, value in fields)
    text = f"<!doctype html><h1>{escape(unquote(path))}</h1><p>{now.tm_yday} - {now.tm_year}<ul>{rows}</ul>"
    return text.encode()


def find(path):
    try:
        name = unquote_to_bytes(path).decode()[1:]
        file = (SITE / f"{name}index.html" if name in ("",) or name[-1] == "/" else SITE / name).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None
    return file if SITE in file.parents and file.is_file() else None


def serve(listener):
    selector = selectors.DefaultSelector()
    selector.register(listener, READ)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                client, _ = listener.accept()
                client.setblocking(False)
                talk = converse(client)
                selector.register(client, next(talk), talk)
                continue
            try:
                selector.modify(key.fileobj, next(key.data), key.data)
            except BlockingIOError:
                pass
            except (OSError, StopIteration):
                selector.unregister(key.fileobj)
                key.fileobj.close()


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    listener = socket.create_server(("127.0.0.1", port), backlog=32)
    listener.setblocking(False)
    print("Started HTTP server, one thread for everybody, port", port)
    serve(listener)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("shutting down")
