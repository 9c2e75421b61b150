"""A web server with only sockets and threads: it parses requests and percent-encoding itself."""

import socket
import sys
import threading
import time
from pathlib import Path

SITE = Path(__file__).parent.resolve() / "site"
TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "application/javascript",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
}
HEX = b"0123456789abcdefABCDEF"
MEBIBYTE = 1024 * 1024


def decode(encoded: bytes, plus: bool = False) -> bytes:
    """Undo percent-encoding; with `plus`, as in a form, a plus sign is a space."""
    first, *rest = (encoded.replace(b"+", b" ") if plus else encoded).split(b"%")
    decoded = bytearray(first)
    for part in rest:
        if len(part) >= 2 and part[0] in HEX and part[1] in HEX:
            decoded.append(int(part[:2], 16))
            decoded += part[2:]
        else:
            decoded += b"%" + part
    return bytes(decoded)


def as_text(data: bytes) -> str:
    """Return bytes as text that is safe inside a page."""
    text = data.decode("utf-8", "replace")
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        text = text.replace(character, entity)
    return text


def answer(status: str, content_type: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close"
    return head.encode() + b"\r\n\r\n" + body


def error(status: str) -> bytes:
    return answer(status, "text/plain", status.encode() + b"\r\n")


def page(path: bytes, form: bytes = b"") -> bytes:
    now = time.localtime()
    text = f"<html><body><p>This is {as_text(decode(path))}, made on day {now.tm_yday}, {now.tm_year}.</p>"
    for field in form.split(b"&"):
        if field:
            name, _, value = field.partition(b"=")
            text += f"<p>{as_text(decode(name, plus=True))} = {as_text(decode(value, plus=True))}</p>"
    return answer("200 OK", "text/html; charset=utf-8", f"{text}</body></html>".encode())


def file(path: bytes) -> bytes:
    """Answer with a file in site/, found by following the path one name at a time."""
    try:
        names = decode(path).decode("utf-8").split("/")[1:]
        if any(name in ("", ".", "..") or "\\" in name or "\0" in name for name in names[:-1]):
            return error("400 Bad Request")
        found = SITE.joinpath(*names[:-1], names[-1] or "index.html")
        if found.name == ".." or SITE not in found.resolve().parents or not found.is_file():
            return error("404 Not Found")
        kind = TYPES.get(found.name.rpartition(".")[2].lower(), "application/octet-stream")
        return answer("200 OK", kind, found.read_bytes())
    except (OSError, RuntimeError, ValueError):
        return error("404 Not Found")


def post(client: socket.socket, path: bytes, headers: dict[bytes, bytes], body: bytes) -> bytes:
    length = headers.get(b"content-length", b"0")
    if not path.endswith(b".zzz"):
        return error("405 Method Not Allowed")
    if not length.isdigit():
        return error("400 Bad Request")
    if int(length) > MEBIBYTE:
        return error("413 Payload Too Large")
    while len(body) < int(length):
        piece = client.recv(65536)
        if not piece:
            return b""
        body += piece
    return page(path, body[: int(length)])


def respond(client: socket.socket) -> bytes:
    """Read a request and return the answer; return no bytes if the client left before the end."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = client.recv(65536)
        if not piece or len(received) > MEBIBYTE:
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    try:
        method, target, version = first.split(b" ")
    except ValueError:
        return error("400 Bad Request")
    if not version.startswith(b"HTTP/") or not target.startswith(b"/"):
        return error("400 Bad Request")
    path = target.split(b"?")[0]
    if method == b"POST":
        pairs = (line.split(b":", 1) for line in lines if b":" in line)
        return post(client, path, {name.lower(): value.strip() for name, value in pairs}, body)
    if method not in (b"GET", b"HEAD"):
        return error("405 Method Not Allowed")
    whole = page(path) if path.endswith(b".zzz") else file(path)
    return whole if method == b"GET" else whole[: whole.index(b"\r\n\r\n") + 4]


def visit(client: socket.socket) -> None:
    try:
        with client:
            client.sendall(respond(client))
            # Closing with unread bytes would reset the connection: read them, for up to a second.
            client.shutdown(socket.SHUT_WR)
            client.settimeout(1)
            while client.recv(65536):
                pass
    except OSError:
        pass


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    with socket.create_server(("127.0.0.1", port)) as listener:
        try:
            print(f"Started HTTP server at 127.0.0.1, port {port}")
            while True:
                client, _ = listener.accept()
                threading.Thread(target=visit, args=(client,), daemon=True).start()
        except KeyboardInterrupt:
            print("\nshutting down, goodbye")


if __name__ == "__main__":
    main()
