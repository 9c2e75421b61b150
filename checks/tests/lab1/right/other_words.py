"""A web server with unusual but legal header fields, reason phrases, charset, numbers and entities."""

import socket
import sys
import threading
import time
from pathlib import Path
from urllib.parse import parse_qsl, unquote_to_bytes

SITE = (Path(__file__).parent / "site").resolve()
TYPES = {
    ".html": 'Text/HTML;Charset="UTF-8"',
    ".css": "text/css;charset=utf-8",
    ".js": "application/javascript;charset=utf-8",
    ".png": "IMAGE/PNG",
    ".jpg": "image/jpeg;q=1",
    ".svg": "image/svg+xml;charset=utf-8",
    ".json": "application/json;charset=utf-8",
}
PHRASES = {  # a reason phrase may be empty, or any text
    200: "",
    400: "I beg your pardon?",
    404: "404 not 200: gone fishing; back soon",
    405: "Please don't (caf\xe9)",
    411: "",
    413: "HTTP/1.1 200 OK, or so you would like",
}
EXTRA = "".join(f"x-extra-{number}: {'value ' * (number % 5)}\r\n" for number in range(300))
ENTITIES = ("&#{:d};", "&#x{:x};", "&#x{:X};", "&#{:06d};")


def escape(text):
    """Write every character as a numeric entity; one without an allowed entity stays as it is, or becomes `?`."""
    return "".join(
        ENTITIES[position % 4].format(ord(character)) if character.isprintable() else character
        for position, character in enumerate(text)
    )


def head(status, kind, length):
    return (
        f"HTTP/1.1 {status} {PHRASES[status]}\r\nserver:\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n{EXTRA}"
        f"content-length:\t{length}  \r\nCONTENT-type:{kind}\r\nconnection: Close\r\nx-empty:\r\n\r\n"
    ).encode("latin-1")


def refuse(status):
    return head(status, "text/plain;charset=us-ascii", 3) + b"no\n"


def page(path, fields=()):
    """Return a page in ISO-8859-1 that shows the path as it was sent."""
    now = time.localtime()
    text = f"<TITLE>\xe9t\xe9</TITLE><P>\xab{escape(path)}\xbb<P>{now.tm_yday:05} : {now.tm_year}"
    text += "".join(f"<P>{escape(name)}<P>{escape(value)}" for name, value in fields)
    body = text.encode("iso-8859-1", "replace")
    return head(200, "text/html;charset=ISO-8859-1", len(body)) + body


def get(path):
    if path.endswith(".zzz"):
        return page(path)
    try:
        name = unquote_to_bytes(path).decode()[1:]
        file = (SITE / (f"{name}index.html" if not name or name.endswith("/") else name)).resolve()
        if file.is_relative_to(SITE) and file.is_file():
            body = file.read_bytes()
            return head(200, TYPES.get(file.suffix.lower(), "Application/Octet-Stream"), len(body)) + body
    except (OSError, RuntimeError, ValueError):
        pass
    return refuse(404)


def post(path, length, stream):
    if not path.endswith(".zzz"):
        return refuse(405)
    if length is None:
        return refuse(411)
    if not (length.isascii() and length.isdigit()):
        return refuse(400)
    if int(length) > 1024 * 1024:
        return refuse(413)
    return page(path, parse_qsl(stream.read(int(length)).decode(errors="replace"), keep_blank_values=True))


def respond(stream):
    words = stream.readline(65536).decode("latin-1").rstrip("\r\n").split(" ")
    headers = {}
    while line := stream.readline(65536).decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if len(words) != 3 or words[0] not in ("GET", "HEAD", "POST") or not words[1].startswith("/"):
        return refuse(405 if len(words) == 3 else 400)
    path = words[1].partition("?")[0]
    if words[0] == "POST":
        return post(path, headers.get("content-length"), stream)
    answer = get(path)
    return answer if words[0] == "GET" else answer[: answer.index(b"\r\n\r\n") + 4]


def visit(client):
    try:
        with client, client.makefile("rb") as stream:
            client.sendall(respond(stream))
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
            print(f"\t{time.ctime()}\tINFO [main] Started HTTP server\u2026 (\u2713 port={port})\r\n", end="")
            while True:
                client, _ = listener.accept()
                threading.Thread(target=visit, args=(client,), daemon=True).start()
        except KeyboardInterrupt:
            sys.exit(print("\r\n[main] ** SHUTTING DOWN ** (signal 2)", file=sys.stderr))


if __name__ == "__main__":
    main()
