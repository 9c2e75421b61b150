"""A web server on wsgiref: a plain WSGI application with a thread for each request."""

import sys
import time
from html import escape
from pathlib import Path
from socketserver import ThreadingMixIn
from urllib.parse import parse_qsl, unquote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.util import FileWrapper

SITE = (Path(__file__).parent / "site").resolve()
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 20


class Handler(WSGIRequestHandler):
    def get_environ(self):
        """Add the target as it was sent: WSGI itself passes only the decoded path."""
        return super().get_environ() | {"REQUEST_URI": self.requestline.split()[1]}

    def log_message(self, *args):
        pass


def application(environ, start_response):
    method = environ["REQUEST_METHOD"]
    sent_path = environ["REQUEST_URI"].partition("?")[0]
    if method not in ("GET", "HEAD", "POST"):
        return refuse(start_response, "501 Not Implemented", method)
    if sent_path.endswith(".zzz"):
        return form(environ, start_response) if method == "POST" else page(environ, start_response, [])
    if method == "POST":
        return refuse(start_response, "405 Method Not Allowed", method)
    file = find(environ["PATH_INFO"])
    if file is None:
        return refuse(start_response, "404 Not Found", method)
    kind = TYPES.get(file.suffix.lower(), "application/octet-stream")
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(file.stat().st_size))])
    return [] if method == "HEAD" else FileWrapper(file.open("rb"), 65536)


def form(environ, start_response):
    """Answer the POST of a form with a page that shows its fields."""
    length = environ.get("CONTENT_LENGTH") or "none"
    if not (length.isascii() and length.isdigit()):
        return refuse(start_response, "400 Bad Request", "POST")
    if int(length) > 1024 * 1024:
        return refuse(start_response, "413 Request Entity Too Large", "POST")
    body = environ["wsgi.input"].read(int(length))
    fields = parse_qsl(body.decode("latin-1"), keep_blank_values=True, errors="replace")
    return page(environ, start_response, fields)


def page(environ, start_response, fields):
    shown = escape(unquote(environ["REQUEST_URI"].partition("?")[0]))
    items = "".join(f"<p><label>{escape(name)} <input value='{escape(value)}'></label>" for name, value in fields)
    date = time.strftime("It is day number %j in the year %Y.")
    body = f"<!doctype html><title>WSGI</title><p>You asked for {shown} . {date}{items}".encode()
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def find(path_info):
    """Return the file in site/ that a WSGI path names (decoded, one character per byte), or None."""
    try:
        name = path_info.encode("latin-1").decode("utf-8").removeprefix("/")
        if not name or name.endswith("/"):
            name += "index.html"
        file = (SITE / name).resolve()
        return file if SITE in file.parents and file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def refuse(start_response, status, method):
    body = f"<h1>{status}</h1>\n".encode()
    start_response(status, [("Content-Type", "text/html"), ("Content-Length", str(len(body)))])
    return [] if method == "HEAD" else [body]


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    with make_server("127.0.0.1", port, application, server_class=Server, handler_class=Handler) as server:
        try:
            print("Started HTTP server (WSGI) on port", port)
            server.serve_forever()
        except KeyboardInterrupt:
            print("Keyboard interrupt received, shutting down.", file=sys.stderr)


if __name__ == "__main__":
    main()
