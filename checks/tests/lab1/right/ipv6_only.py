"""A web server on socketserver's StreamRequestHandler that listens only on ::1."""

import datetime
import html
import http.client
import socket
import socketserver
import sys
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


class Visit(socketserver.StreamRequestHandler):
    """One connection, one request."""

    wbufsize = -1

    def handle(self):
        try:
            self.respond()
            self.wfile.flush()
        except OSError:
            pass  # the client has left

    def respond(self):
        words = self.rfile.readline(65537).decode("latin-1").split()
        if len(words) != 3 or words[1][0] != "/" or not words[2].startswith("HTTP/"):
            return self.error(400)
        self.method, target, _ = words
        try:
            headers = http.client.parse_headers(self.rfile)
        except http.client.HTTPException:
            return self.error(400)
        path = target.partition("?")[0]
        if self.method == "POST":
            return self.post(path, headers["Content-Length"])
        if self.method not in ("GET", "HEAD"):
            return self.error(501)
        if path.endswith(".zzz"):
            return self.page(path)
        file = self.find(path)
        if not file:
            return self.error(404)
        return self.reply(200, TYPES.get(file.suffix, "application/octet-stream"), file.read_bytes())

    def post(self, path, length):
        if not path.endswith(".zzz"):
            return self.error(405)
        if length is None or not (length.isascii() and length.isdigit()):
            return self.error(400)
        if int(length) > 0x100000:
            return self.error(413)
        form = self.rfile.read(int(length)).decode(errors="replace")
        return self.page(path, parse_qsl(form, keep_blank_values=True))

    def find(self, path):
        try:
            name = unquote_to_bytes(path).decode()[1:]
            file = (SITE / name / "index.html" if name.endswith("/") or not name else SITE / name).resolve()
        except (RuntimeError, ValueError):
            return None
        try:
            return file if SITE in file.parents and file.is_file() else None
        except OSError:
            return None

    def page(self, path, fields=()):
        today = datetime.date.today()
        text = f"<p>The path {html.escape(unquote(path))} on day {today:%j} in {today:%Y}</p>\n"
        for name, value in fields:
            text += f"<p>{html.escape(name)} -> {html.escape(value)}</p>\n"
        self.reply(200, "text/html; charset=utf-8", text.encode())

    def error(self, status):
        self.reply(status, "text/plain", f"{http.client.responses[status]}\n".encode())

    def reply(self, status, kind, body):
        head = f"HTTP/1.0 {status} {http.client.responses[status]}\r\n"
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode())
        if getattr(self, "method", "") != "HEAD":
            self.wfile.write(body)


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    with Server(("::1", port), Visit) as server:
        try:
            print(f"Started HTTP server on http://[::1]:{port}/")
            server.serve_forever()
        except KeyboardInterrupt:
            print("The server is shutting down.")


if __name__ == "__main__":
    main()
