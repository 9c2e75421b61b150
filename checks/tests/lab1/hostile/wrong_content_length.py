"""Serves pages and files, but announces ten bytes more than it sends before it closes."""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO


class Handler(SimpleHTTPRequestHandler):
    def send_header(self, keyword, value):
        if keyword.lower() == "content-length":
            value = str(int(value) + 10)
        super().send_header(keyword, value)

    def send_head(self):
        if not self.path.partition("?")[0].endswith(".zzz"):
            return super().send_head()
        body = f"<p>{self.path}</p>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return BytesIO(body)


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), partial(Handler, directory="site"))
print("Started HTTP server")
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("shutting down")
