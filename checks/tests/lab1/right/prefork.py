"""A web server with four worker processes that share a listening socket (not for Windows, which has no fork)."""

import html
import os
import shutil
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

WORKERS = 4
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


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.requestline.split()[1].partition("?")[0]
        if path.endswith(".zzz"):
            self.send_page(path, [])
            return
        try:
            name = unquote_to_bytes(path).decode()
            file = (SITE / (name + "index.html" if name.endswith("/") else name)[1:]).resolve(strict=True)
            if SITE not in file.parents or not file.is_file():
                raise FileNotFoundError(name)
        except (OSError, RuntimeError, ValueError):
            self.send_error(404)
            return
        with file.open("rb") as source:
            self.send_head(TYPES.get(file.suffix, "application/octet-stream"), file.stat().st_size)
            if self.command == "GET":
                shutil.copyfileobj(source, self.wfile)

    do_HEAD = do_GET

    def do_POST(self):
        path = self.requestline.split()[1].partition("?")[0]
        length = self.headers.get("Content-Length", "0")
        if not path.endswith(".zzz"):
            self.send_error(405)
        elif not (length.isascii() and length.isdigit()):
            self.send_error(400)
        elif int(length) > 1 << 20:
            self.send_error(413)
        else:
            self.send_page(path, parse_qsl(self.rfile.read(int(length)).decode("latin-1"), keep_blank_values=True))

    def send_head(self, kind, length):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("X-Worker", str(os.getpid()))
        self.end_headers()

    def send_page(self, path, fields):
        rows = "".join(f"<p>{html.escape(name)}</p><p>{html.escape(value)}</p>" for name, value in fields)
        body = f"<h1>{html.escape(unquote(path))}</h1>{rows}<p>{time.strftime('%j. day of %Y')}</p>".encode()
        self.send_head("text/html; charset=utf-8", len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args):
        pass


def leave_with(lifeline):
    """End this process when the parent has ended: only the parent holds the other end of the pipe."""
    os.read(lifeline, 1)
    os._exit(0)


def work(listener, lifeline):
    """Serve the clients that this worker accepts, each in its own thread."""
    threading.Thread(target=leave_with, args=(lifeline,), daemon=True).start()
    server = ThreadingHTTPServer(listener.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    listener.setblocking(False)  # several workers wake up for a client: one accepts it, the others keep waiting
    server.serve_forever()


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # in the workers for their whole life, here until sigwait
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    lifeline, held = os.pipe()
    workers = []
    for _ in range(WORKERS):
        pid = os.fork()
        if pid == 0:
            os.close(held)
            work(listener, lifeline)
        workers.append(pid)
    listener.close()
    print(f"Started HTTP server on port {port}, workers {workers}")
    signal.sigwait({signal.SIGINT})
    print("parent and workers are shutting down")
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    for pid in workers:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
