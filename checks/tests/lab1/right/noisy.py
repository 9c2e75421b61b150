"""A web server that writes megabytes to both streams, before and after its line, and not only text."""

import html
import os
import shutil
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
STDOUT, STDERR = 1, 2
CHATTER = (
    b"[debug] about to be Started; no Traceback so far, nothing shut down\n"
    b"  Traceback is a word, and this line does not begin with it\n"
    b"\x1b[31mred\x1b[0m \x07 \x00 \xff\xfe \xc3\xa9 \r progress 99 %\r\n"
)
LONG_LINE = b"." * 1_000_000 + b"\n"


def chatter(megabytes):
    """Write the given number of megabytes to each stream."""
    for _ in range(megabytes):
        for stream in (STDOUT, STDERR):
            for piece in (LONG_LINE[-400_000:], CHATTER * 3000):
                while piece:
                    piece = piece[os.write(stream, piece) :]


class Handler(BaseHTTPRequestHandler):
    def log_message(self, form, *args):
        line = f"{form % args}\n".encode(errors="replace")
        os.write(STDOUT, line + CHATTER * 20)
        os.write(STDERR, line + CHATTER * 20)

    def send_head(self, kind, length):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def do_GET(self, body=True):
        path = self.requestline.split()[1].partition("?")[0]
        if path.endswith(".zzz"):
            page = self.page(path, [])
            self.send_head("text/html; charset=utf-8", len(page))
            self.wfile.write(page if body else b"")
        elif file := self.find(path):
            with file.open("rb") as source:
                self.send_head(TYPES.get(file.suffix, "application/octet-stream"), file.stat().st_size)
                if body:
                    shutil.copyfileobj(source, self.wfile)
        else:
            self.send_error(404)

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_POST(self):
        path = self.requestline.split()[1].partition("?")[0]
        length = self.headers.get("Content-Length", "")
        if not path.endswith(".zzz"):
            self.send_error(405)
        elif not (length.isascii() and length.isdigit()):
            self.send_error(411 if not length else 400)
        elif int(length) > 1024**2:
            self.send_error(413)
        else:
            form = self.rfile.read(int(length)).decode(errors="replace")
            page = self.page(path, parse_qsl(form, keep_blank_values=True))
            self.send_head("text/html; charset=utf-8", len(page))
            self.wfile.write(page)

    @staticmethod
    def page(path, fields):
        now = time.localtime()
        rows = "".join(f"<p>{html.escape(name)} : {html.escape(value)}</p>" for name, value in fields)
        return f"<p>{html.escape(unquote(path))} ({now.tm_yday}) ({now.tm_year})</p>{rows}".encode()

    @staticmethod
    def find(path):
        try:
            name = unquote_to_bytes(path).decode()
            file = (SITE / (name + "index.html" if name.endswith("/") else name)[1:]).resolve()
            return file if file.is_relative_to(SITE) and file.is_file() else None
        except (OSError, RuntimeError, ValueError):
            return None


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    chatter(3)
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        try:
            print("", f">>> Started HTTP server on port {port} <<<", sep="\n", flush=True)
            chatter(2)
            server.serve_forever()
        except KeyboardInterrupt:
            print("", ">>> shutting down <<<", sep="\n", flush=True)
            chatter(1)


if __name__ == "__main__":
    main()
