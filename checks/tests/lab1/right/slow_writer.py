"""A web server that sends its answers in pieces of a few bytes, cut at any place, with short pauses."""

import itertools
import socket
import sys
import threading
import time
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
PAUSE = 0.0005  # seconds
DRIBBLED = 400  # bytes; the rest is sent in larger pieces, or a file of megabytes would take minutes


def dribble(client, data):
    """Send data: the beginning in pieces of 1, 2, 3, 5 and 7 bytes, the rest in pieces of 64 KiB."""
    position = 0
    for size in itertools.cycle((1, 2, 3, 5, 7)):
        if position >= min(len(data), DRIBBLED):
            break
        client.sendall(data[position : position + size])
        position += size
        time.sleep(PAUSE)
    for start in range(position, len(data), 65536):
        client.sendall(data[start : start + 65536])
        time.sleep(PAUSE)


def reply(status, kind, body, with_body=True):
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\nContent-Type: {kind}\r\n\r\n"
    return head.encode() + (body if with_body else b"")


def refusal(status, with_body=True):
    return reply(status, "text/plain", f"{status}.\n".encode(), with_body)


def get(path, with_body):
    if path.endswith(".zzz"):
        return reply("200 OK", "text/html; charset=utf-8", page(path), with_body)
    try:
        name = unquote_to_bytes(path).decode()[1:]
        file = (SITE / (f"{name}index.html" if not name or name.endswith("/") else name)).resolve()
        if file.is_relative_to(SITE) and file.is_file():
            kind = TYPES.get(file.suffix.lower(), "application/octet-stream")
            return reply("200 OK", kind, file.read_bytes(), with_body)
    except (OSError, RuntimeError, ValueError):
        pass
    return refusal("404 Not Found", with_body)


def post(path, length, stream):
    if not path.endswith(".zzz"):
        return refusal("405 Method Not Allowed")
    if not (length.isascii() and length.isdigit()):
        return refusal("400 Bad Request")
    if int(length) > 1 << 20:
        return refusal("413 Content Too Large")
    fields = parse_qsl(stream.read(int(length)).decode(errors="replace"), keep_blank_values=True)
    return reply("200 OK", "text/html; charset=utf-8", page(path, fields))


def page(path, fields=()):
    now = time.localtime()
    rows = "".join(f"<li>{escape(name)}<li>{escape(value)}" for name, value in fields)
    return f"<p>{escape(unquote(path))}</p><p>{now.tm_yday}, {now.tm_year}</p><ul>{rows}</ul>".encode()


def respond(stream):
    """Read a request and return the complete answer."""
    words = stream.readline(65536).decode("latin-1").split(" ")
    length = "0"
    while (line := stream.readline(65536).decode("latin-1")) not in ("\r\n", "\n", ""):
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = value.strip()
    match words:
        case ["GET" | "HEAD" as method, target, _]:
            return get(target.partition("?")[0], method == "GET")
        case ["POST", target, _]:
            return post(target.partition("?")[0], length, stream)
        case [_, _, _]:
            return refusal("501 Not Implemented")
    return refusal("400 Bad Request")


def visit(client):
    try:
        with client, client.makefile("rb") as stream:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            dribble(client, respond(stream))
            client.shutdown(socket.SHUT_WR)
            client.settimeout(1)
            while stream.read(65536):
                pass
    except OSError:
        pass


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    with socket.create_server(("127.0.0.1", port), backlog=64) as listener:
        try:
            print("Started HTTP server, a slow one, on port", port)
            while True:
                client, _ = listener.accept()
                threading.Thread(target=visit, args=(client,), daemon=True).start()
        except KeyboardInterrupt:
            for letter in "shutting down, slowly\n":
                print(letter, end="", flush=True)
                time.sleep(PAUSE)


if __name__ == "__main__":
    main()
