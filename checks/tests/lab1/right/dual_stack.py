"""A web server with two listening sockets, 127.0.0.1 and ::1, each served by a library server in its own thread."""

import html
import os
import socket
import sys
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

SITE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "site")
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "application/javascript",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


class IPv6Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()


class Handler(BaseHTTPRequestHandler):
    wbufsize = 1 << 16

    def setup(self):
        super().setup()
        self.path = "/"

    def log_message(self, *args):
        pass

    def answer(self, kind, size, parts):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.writelines(parts)

    def do_GET(self):
        path = self.requestline.split()[1].split("?")[0]
        if path.endswith(".zzz"):
            self.page(path, [])
            return
        try:
            name = unquote_to_bytes(path).decode()
            if name.endswith("/"):
                name += "index.html"
            file = os.path.realpath(os.path.join(SITE, name[1:]))
            if os.path.commonpath([SITE, file]) != SITE or not os.path.isfile(file):
                raise FileNotFoundError(name)
            with open(file, "rb") as source:
                kind = TYPES.get(os.path.splitext(file)[1], "application/octet-stream")
                self.answer(kind, os.path.getsize(file), iter(lambda: source.read(1 << 16), b""))
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except (OSError, ValueError):
            self.send_error(404)

    do_HEAD = do_GET

    def do_POST(self):
        path = self.requestline.split()[1].split("?")[0]
        length = self.headers.get("Content-Length", "missing")
        if not path.endswith(".zzz"):
            self.send_error(405)
        elif not length.isascii() or not length.isdigit():
            self.send_error(411)
        elif int(length) > 1024 * 1024:
            self.send_error(413)
        else:
            form = self.rfile.read(int(length))
            self.page(path, parse_qsl(form.decode("latin-1"), keep_blank_values=True))

    def page(self, path, fields):
        lines = [f"Path: {unquote(path)}", datetime.now().strftime("Day %j of %Y")]
        lines += [f"Field {name} = {value}" for name, value in fields]
        body = "".join(f"<div>{html.escape(line)}</div>\n" for line in lines).encode()
        self.answer("text/html; charset=utf-8", len(body), [body])


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    servers = [ThreadingHTTPServer(("127.0.0.1", port), Handler), IPv6Server(("::1", port), Handler)]
    try:
        for server in servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        print(f"Started HTTP server on 127.0.0.1 and ::1, port {port}")
        threading.Event().wait()
    except KeyboardInterrupt:
        print("shutting down both")
    for server in servers:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    main()
