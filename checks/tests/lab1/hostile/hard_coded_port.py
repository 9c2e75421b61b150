"""Listens on port 8001 and ignores its argument; otherwise it is a plain file server."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

server = ThreadingHTTPServer(("127.0.0.1", 8001), partial(SimpleHTTPRequestHandler, directory="site"))
print("Started HTTP server on port 8001")
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("shutting down")
