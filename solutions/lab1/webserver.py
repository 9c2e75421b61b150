"""A small web server: pages made on the fly, files, refusals and a form.

Usage: python webserver.py [PORT]
"""

import html
import os
import shutil
import sys
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote

PORT = 8001
SITE = (Path(__file__).parent / "site").resolve()
FORM_LIMIT = 1024 * 1024  # bytes; the whole form is kept in memory
HTML = "text/html; charset=utf-8"

# A browser trusts Content-Type, not the file's ending. This table is the same on every machine;
# the module mimetypes also asks the operating system.
TYPES = {
    ".html": HTML,
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
}


def find_file(path: str) -> Path | None:
    """Return the file in site/ that a URL's path names, or None if there is no such file."""
    try:
        name = unquote(path, errors="strict")
        if name.endswith("/"):
            name += "index.html"
        # resolve() follows every ".." and every link, so the next line compares the place
        # where the file really is.
        file = (SITE / name.lstrip("/")).resolve()
        if file.is_relative_to(SITE) and file.is_file():
            return file
    except (ValueError, OSError):  # not UTF-8, a NUL, or a name that is too long
        pass
    return None


def make_page(title: str, *lines: str) -> bytes:
    """Return a web page that shows a title and lines of plain text."""
    text = "\n".join(f"<p>{html.escape(line)}</p>" for line in lines)
    heading = html.escape(title)
    return f"""<!doctype html>
<html lang="en">
<title>{heading}</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/style.css">
<main class="lines">
<a href="/">Front page</a>
<h1>{heading}</h1>
{text}
</main>
""".encode()


def log(text: str) -> None:
    """Write a line to standard error in one system call.

    A daemon thread serves each client. If Python exits while such a thread is inside
    sys.stderr.write(), Python finds the stream locked and aborts. os.write() takes no lock.
    """
    os.write(2, f"{text}\n".encode())


class Handler(BaseHTTPRequestHandler):
    """Handles one request from one client."""

    timeout = 30  # seconds without a byte until the connection to a client is closed

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith(".zzz"):
            now = time.localtime()
            self.send_page(
                f"You requested {unquote(path)}",
                f"This is day {now.tm_yday} of the year {now.tm_year}.",
            )
        elif file := find_file(path):
            self.send_file(file)
        else:
            self.send_error(404)

    do_HEAD = do_GET  # the same answer; send_page and send_file leave the body out

    def do_POST(self) -> None:
        path = self.path.partition("?")[0]
        if not path.endswith(".zzz"):
            self.refuse_post(path)
            return
        # Decide before reading: the body may never come, or be too large for the memory.
        # Only digits are allowed (RFC 9110, section 8.6); int() also accepts "+5" and "1_0".
        length = self.headers.get("Content-Length", "").strip(" \t")
        if not (length.isascii() and length.isdigit()):
            self.send_error(400)
        elif len(length) > 20 or int(length) > FORM_LIMIT:  # int() rejects thousands of digits
            self.send_error(413)
        else:
            form = self.rfile.read(int(length)).decode(errors="replace")
            fields = parse_qsl(form, keep_blank_values=True)
            self.send_page("Thank you", *(f"{name}: {value}" for name, value in fields))

    def refuse_post(self, path: str) -> None:
        if not find_file(path):
            self.send_error(404)
            return
        self.send_response(405)
        self.send_header("Allow", "GET, HEAD")  # required by RFC 9110, section 15.5.6
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_page(self, title: str, *lines: str) -> None:
        page = make_page(title, *lines)
        self.send_head(HTML, len(page))
        if self.command != "HEAD":
            self.wfile.write(page)

    def send_file(self, file: Path) -> None:
        with file.open("rb") as source:
            content_type = TYPES.get(file.suffix.lower(), "application/octet-stream")
            self.send_head(content_type, os.fstat(source.fileno()).st_size)
            if self.command != "HEAD":
                shutil.copyfileobj(source, self.wfile)  # in pieces: a file may be large

    def send_head(self, content_type: str, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        # A client can send anything, even an escape sequence that recolors the terminal.
        line = "".join(c if c.isprintable() else "?" for c in format % args)
        log(f"{self.client_address[0]} {line}")


class Server(ThreadingHTTPServer):
    """Serves each client in its own thread: a slow client does not hold up the others."""

    request_queue_size = 64  # connections that may wait to be accepted; the default is 5

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that leaves early is normal; anything else is a bug in this program.
        if not isinstance(sys.exception(), ConnectionError):
            log(traceback.format_exc())


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    try:
        with Server(("127.0.0.1", port), Handler) as server:
            print(f"Started HTTP server: http://localhost:{port}/ (Ctrl+C stops it)")
            server.serve_forever()
    except KeyboardInterrupt:
        print("Ctrl+C: shutting down")


if __name__ == "__main__":
    main()
