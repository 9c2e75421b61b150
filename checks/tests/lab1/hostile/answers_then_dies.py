"""Answers one GET correctly, a page or a file, and then exits with status 1."""

import io
import os
import sys
import time
from functools import partial
from html import escape
from http.server import HTTPServer, SimpleHTTPRequestHandler


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self):
        super().do_GET()
        self.connection.close()
        os._exit(1)

    def send_head(self):
        path = self.path.partition("?")[0]
        if not path.endswith(".zzz"):
            return super().send_head()
        body = f"<p>{escape(path)}</p><p>{time.strftime('%j %Y')}</p>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)


server = HTTPServer(("127.0.0.1", int(sys.argv[1])), partial(Handler, directory="site"))
print("Started HTTP server")
server.serve_forever()
