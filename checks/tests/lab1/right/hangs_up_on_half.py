"""A web server that closes the connection if a client stops for a second in the middle of a request."""

import socket
import sys
import threading
from datetime import datetime
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

SITE = (Path(__file__).parent / "site").resolve()
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
SILENT, HALF, AWAY = 60, 1, 30  # seconds: before a request, in the middle of one, while the answer is read


class Request:
    """A request read from a socket: first line, header fields, and the form on demand."""

    def __init__(self, client):
        self.client = client
        client.settimeout(SILENT)
        data = client.recv(65536)
        client.settimeout(HALF)
        while data and b"\r\n\r\n" not in data and len(data) < 1 << 17:
            data += self.more()
        head, _, self.body = data.partition(b"\r\n\r\n")
        self.first, *lines = head.decode("latin-1").split("\r\n")
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def more(self):
        data = self.client.recv(65536)
        if not data:
            raise ConnectionAbortedError("the client left in the middle of a request")
        return data

    def form(self, length):
        while len(self.body) < length:
            self.body += self.more()
        return parse_qsl(self.body[:length].decode(errors="replace"), keep_blank_values=True)


def respond(request):
    """Return the status, type and body of the answer."""
    try:
        method, target, _ = request.first.split(" ")
    except ValueError:
        return "400 Bad Request", "text/plain", b"Bad request.\n"
    path = target.partition("?")[0]
    if method not in ("GET", "HEAD", "POST"):
        return "501 Not Implemented", "text/plain", b"Unknown method.\n"
    if method == "POST":
        return respond_to_post(request, path)
    if path.endswith(".zzz"):
        return page(path, [])
    try:
        name = unquote_to_bytes(path).decode().removeprefix("/")
        file = (SITE / (f"{name}index.html" if not name or name.endswith("/") else name)).resolve()
        if SITE in file.parents and file.is_file():
            return "200 OK", TYPES.get(file.suffix.lower(), "application/octet-stream"), file.read_bytes()
    except (OSError, RuntimeError, ValueError):
        pass
    return "404 Not Found", "text/plain", b"Not here.\n"


def respond_to_post(request, path):
    length = request.headers.get("content-length", "")
    if not path.endswith(".zzz"):
        return "405 Method Not Allowed", "text/plain", b"Only GET here.\n"
    if not (length.isascii() and length.isdigit()):
        return "411 Length Required", "text/plain", b"Which length?\n"
    if int(length) > 1_048_576:
        return "413 Content Too Large", "text/plain", b"Too large.\n"
    return page(path, request.form(int(length)))


def page(path, fields):
    now = datetime.now()
    rows = "".join(f"<p><q>{escape(name)}</q> <q>{escape(value)}</q>\n" for name, value in fields)
    text = f"<!doctype html>\n<p><q>{escape(unquote(path))}</q>\n<p>{now:%Y-%m-%d}, day {now:%j}\n{rows}"
    return "200 OK", "text/html; charset=utf-8", text.encode()


def visit(client):
    try:
        with client:
            request = Request(client)
            if not request.first:
                return
            status, kind, body = respond(request)
            head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close"
            client.settimeout(AWAY)
            client.sendall(head.encode() + b"\r\n\r\n" + (b"" if request.first.startswith("HEAD ") else body))
            client.shutdown(socket.SHUT_WR)
            client.settimeout(HALF)
            while client.recv(65536):
                pass
    except OSError:
        pass  # includes a timeout


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    try:
        print("Started HTTP server without much patience, port", port)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=visit, args=(client,), daemon=True).start()
    except KeyboardInterrupt:
        print("shutting down, without patience")


if __name__ == "__main__":
    main()
