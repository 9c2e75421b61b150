"""A web server that forks a process for each client (not for Windows, which has no fork)."""

import html
import os
import signal
import socket
import sys
import time
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
PATIENCE = 60  # seconds for one client


def respond(stream, out):
    """Read a request and write the answer."""
    words = stream.readline(65536).decode("latin-1").split()
    headers = {}
    while line := stream.readline(65536).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if len(words) != 3 or not words[1].startswith("/"):
        return write(out, "400 Bad Request")
    method, path = words[0], words[1].partition("?")[0]
    is_page = path.endswith(".zzz")
    if method == "POST" and is_page:
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return write(out, "400 Bad Request")
        if int(length) > 1024 * 1024:
            return write(out, "413 Payload Too Large")
        fields = parse_qsl(stream.read(int(length)).decode(errors="replace"), keep_blank_values=True)
        return write(out, "200 OK", "text/html; charset=utf-8", page(path, fields))
    if method not in ("GET", "HEAD"):
        return write(out, "405 Method Not Allowed")
    if is_page:
        return write(out, "200 OK", "text/html; charset=utf-8", page(path), method)
    file = find(path)
    if file is None:
        return write(out, "404 Not Found", method=method)
    return write(out, "200 OK", TYPES.get(file.suffix, "application/octet-stream"), file.read_bytes(), method)


def write(out, status, kind="text/plain", body=b"no\n", method="GET"):
    head = f"HTTP/1.0 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    out.sendall(head.encode() + (body if method != "HEAD" else b""))


def page(path, fields=()):
    now = time.localtime()
    text = f"<p>Process {os.getpid()} made {html.escape(unquote(path))} on day {now.tm_yday} of {now.tm_year}.</p>\n"
    return (text + "".join(f"<p>{html.escape(name)}: {html.escape(value)}</p>\n" for name, value in fields)).encode()


def find(path):
    try:
        name = unquote_to_bytes(path).decode()[1:]
        file = (SITE / (f"{name}index.html" if not name or name.endswith("/") else name)).resolve()
        return file if SITE in file.parents and file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def child(client):
    """Serve one client in its own process, and exit."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.alarm(PATIENCE)
        with client, client.makefile("rb") as stream:
            respond(stream, client)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(1)
            while stream.read(65536):
                pass
    except OSError:
        pass
    finally:
        os._exit(0)


def serve(listener, children):
    while True:
        client, _ = listener.accept()
        # Ctrl+C waits until the child is recorded: otherwise the child would be left behind.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        pid = os.fork()
        if pid == 0:
            listener.close()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            child(client)
        children.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        client.close()
        for pid in list(children):
            if os.waitpid(pid, os.WNOHANG)[0]:
                children.remove(pid)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    children = set()
    try:
        print("Started HTTP server, process", os.getpid(), "on port", port)
        serve(listener, children)
    except KeyboardInterrupt:
        listener.close()
        print("shutting down with", len(children), "children")
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
