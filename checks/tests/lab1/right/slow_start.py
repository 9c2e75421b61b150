"""A web server that waits 1.5 s before it binds its port, and serves files from an inventory of site/."""

import html
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
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


def inventory():
    """Return the files in site/ by name, including links to files inside."""
    files = {}
    for file in SITE.rglob("*"):
        try:
            if file.is_file() and file.resolve().is_relative_to(SITE):
                files[file.relative_to(SITE).as_posix()] = file
        except (OSError, RuntimeError):
            continue
    return files


class Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True
    request_queue_size = 50


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.requestline.split()[1].partition("?")[0]
        if path.endswith(".zzz"):
            self.reply_page(path, [])
            return
        try:
            name = unquote_to_bytes(path).decode()[1:]
        except UnicodeDecodeError:
            self.send_error(400)
            return
        if name == "" or name.endswith("/"):
            name += "index.html"
        file = inventory().get(name)
        if file:
            self.reply(TYPES.get(file.suffix, "application/octet-stream"), file.read_bytes())
        else:
            self.send_error(404, "No such file")

    do_HEAD = do_GET

    def do_POST(self):
        path = self.requestline.split()[1].partition("?")[0]
        length = self.headers["Content-Length"]
        if not path.endswith(".zzz"):
            self.send_error(405)
        elif length is None:
            self.reply_page(path, [])
        elif not (length.isascii() and length.isdigit()):
            self.send_error(400, "Odd Content-Length")
        elif int(length) > 1 << 20:
            self.send_error(413)
        else:
            form = self.rfile.read(int(length)).decode(errors="replace")
            self.reply_page(path, parse_qsl(form, keep_blank_values=True))

    def reply_page(self, path, fields):
        now = time.localtime()
        quoted = [f"<blockquote>{html.escape(name)}<br>{html.escape(value)}</blockquote>" for name, value in fields]
        text = f"<h2>{html.escape(unquote(path))}</h2><p>year {now.tm_year}, day {now.tm_yday}.</p>{''.join(quoted)}"
        self.reply("text/html; charset=utf-8", text.encode())

    def reply(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", kind)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    for percent in range(0, 100, 10):
        print(f"Starting, {percent} % ...")
        time.sleep(0.15)
    files = inventory()
    with Server(("127.0.0.1", port), Handler) as server:
        try:
            print("Started HTTP server", f"with {len(files)} files on port {port}")
            server.serve_forever()
        except KeyboardInterrupt:
            print("shutting down")


if __name__ == "__main__":
    main()
