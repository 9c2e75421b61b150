"""A web server on BaseHTTPRequestHandler that speaks HTTP/1.1 and keeps connections open."""

import html
import shutil
import sys
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote_to_bytes

SITE = (Path(__file__).parent / "site").resolve()
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "application/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
}
LARGEST_FORM = 1 << 20


def find(path: str) -> Path | None:
    """Return the file in site/ that a path names, or None if there is no such file."""
    try:
        name = unquote_to_bytes(path).decode()
        file = (SITE / (name[1:] + "index.html" if name.endswith("/") else name[1:])).resolve()
        return file if file.is_relative_to(SITE) and file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Workbook/1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        path = self.requestline.split()[1].partition("?")[0]
        if path.endswith(".zzz"):
            self.answer_page(path, [])
        elif file := find(path):
            with file.open("rb") as source:
                self.answer_head(TYPES.get(file.suffix.lower(), "application/octet-stream"), file.stat().st_size)
                if self.command != "HEAD":
                    shutil.copyfileobj(source, self.wfile)
        else:
            self.refuse(HTTPStatus.NOT_FOUND)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        path = self.requestline.split()[1].partition("?")[0]
        length = self.headers.get("Content-Length")
        if not path.endswith(".zzz"):
            self.refuse(HTTPStatus.METHOD_NOT_ALLOWED, close=True)
        elif length is None:
            self.refuse(HTTPStatus.LENGTH_REQUIRED, close=True)
        elif not (length.isascii() and length.isdecimal()):
            self.refuse(HTTPStatus.BAD_REQUEST, close=True)
        elif int(length) > LARGEST_FORM:
            self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, close=True)
        else:
            body = self.rfile.read(int(length))
            self.answer_page(path, parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True))

    def answer_page(self, path: str, fields: list[tuple[str, str]]) -> None:
        """Answer with a page that shows the path, the date and the fields of a form."""
        now = time.localtime()
        shown = html.escape(unquote_to_bytes(path).decode(errors="replace"))
        rows = [f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in fields]
        lines = [
            "<!DOCTYPE html>",
            "<html><head><meta charset='utf-8'><title>Made on the fly</title></head><body>",
            f"<h1>{shown}</h1>",
            f"<p>Today is day {now.tm_yday} of the year {now.tm_year}.</p>",
            *(["<table>", *rows, "</table>"] if rows else []),
            "</body></html>",
        ]
        body = "\r\n".join(lines).encode()
        self.answer_head("text/html; charset=utf-8", len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_head(self, content_type: str, length: int) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def refuse(self, status: HTTPStatus, close: bool = False) -> None:
        """Answer with an error, and close the connection if a body may follow that will not be read."""
        body = f"{status.value} {status.phrase}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    try:
        print("Started HTTP server on port", port)
        server.serve_forever()
    except KeyboardInterrupt:
        print("Shutting down ...")
    finally:
        server.server_close()


if __name__ == "__main__":
    main()
