"""A web server on the library's SimpleHTTPRequestHandler, with its own behavior where the lab allows it."""

import html
import io
import os
import sys
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote

SITE = os.path.realpath(Path(__file__).parent / "site")
LIMIT = 1024 * 1024
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


class Handler(SimpleHTTPRequestHandler):
    extensions_map = TYPES

    def __init__(self, *args, **options):
        super().__init__(*args, directory=SITE, **options)

    def target(self):
        """Return the path as it was sent (self.path has lost the second of two leading slashes)."""
        return self.requestline.split()[1].partition("?")[0]

    def send_head(self):
        """Begin the answer to GET or HEAD, and return the file from which the body is read."""
        if self.target().endswith(".zzz"):
            return self.send_page("")
        if not self.is_inside():
            self.send_error(404)
            return None
        return super().send_head()

    def is_inside(self):
        """Return whether the requested file exists and, after following links, is in site/."""
        try:
            path = self.translate_path(self.path)
            if path.endswith("/"):
                real = os.path.realpath(path + "index.html")
                found = os.path.isfile(real)
            else:
                real = os.path.realpath(path)
                found = os.path.exists(real)
            return found and real.startswith(SITE + os.sep)
        except ValueError:
            return False

    def send_page(self, more):
        """Send the header of a page made on the fly, and return its body."""
        path = html.escape(unquote(self.target(), errors="replace"))
        today = time.strftime("day %j of %Y")
        body = f"<!doctype html><title>Page</title><p>You requested {path} on {today}</p>{more}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not self.target().endswith(".zzz"):
            self.send_error(405)
        elif not (length.isascii() and length.isdigit()):
            self.send_error(400 if length else 411)
        elif int(length) > LIMIT:
            self.send_error(413)
        else:
            form = self.rfile.read(int(length)).decode(errors="replace")
            fields = parse_qsl(form, keep_blank_values=True, errors="replace")
            rows = "".join(f"<dt>{html.escape(name)}<dd>{html.escape(value)}\n" for name, value in fields)
            self.copyfile(self.send_page(f"<dl>{rows}</dl>"), self.wfile)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        try:
            print(f"Started HTTP server on http://localhost:{port}/", flush=True)
            server.serve_forever()
        except KeyboardInterrupt:
            print("^C received, shutting down")


if __name__ == "__main__":
    main()
