"""A server that answers 404 to every request."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)

    do_HEAD = do_POST = do_GET


try:
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        print("Started HTTP server")
        server.serve_forever()
except KeyboardInterrupt:
    print("shutting down")
