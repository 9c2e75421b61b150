"""A web server on waitress, with its own WSGI application."""

import sys
from datetime import datetime
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

from waitress.server import create_server

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


class Site:
    """A WSGI application: a new iterable for each request."""

    def __init__(self, environ, start_response):
        self.environ, self.start_response = environ, start_response
        self.method = environ["REQUEST_METHOD"]
        self.path = environ["REQUEST_URI"].partition("?")[0]

    def __iter__(self):
        if self.method not in ("GET", "HEAD", "POST"):
            return self.refuse("405 Method Not Allowed")
        if self.path.endswith(".zzz"):
            return self.page()
        if self.method == "POST":
            return self.refuse("405 Method Not Allowed")
        file = self.find()
        return self.send_file(file) if file else self.refuse("404 Not Found")

    def find(self):
        try:
            name = unquote_to_bytes(self.path).decode("utf-8")
            file = (SITE / (name[1:] + "index.html" if name.endswith("/") else name[1:])).resolve()
            return file if SITE in file.parents and file.is_file() else None
        except (OSError, RuntimeError, ValueError):
            return None

    def send_file(self, file):
        self.begin("200 OK", TYPES.get(file.suffix.lower(), "application/octet-stream"), file.stat().st_size)
        if self.method != "HEAD":
            with file.open("rb") as source:
                while piece := source.read(1 << 18):
                    yield piece

    def page(self):
        form = self.environ["wsgi.input"].read() if self.method == "POST" else b""
        fields = parse_qsl(form.decode(errors="replace"), keep_blank_values=True)
        rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>\n" for name, value in fields)
        date = datetime.now().strftime("%j/%Y")
        text = f"<p>Page {escape(unquote(self.path))}</p>\n<p>Date {date}</p>\n<table>\n{rows}</table>\n"
        body = text.encode()
        self.begin("200 OK", "text/html; charset=utf-8", len(body))
        if self.method != "HEAD":
            yield body

    def refuse(self, status):
        self.begin(status, "text/plain", len(status))
        if self.method != "HEAD":
            yield status.encode()

    def begin(self, status, kind, length):
        self.start_response(status, [("Content-Type", kind), ("Content-Length", str(length))])


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    server = create_server(Site, host="127.0.0.1", port=port, threads=20, max_request_body_size=1024 * 1024 + 1)
    try:
        print("Started HTTP server with waitress")
        server.run()  # returns after Ctrl+C
    except KeyboardInterrupt:
        pass
    print("shutting down waitress")


if __name__ == "__main__":
    main()
