"""Listens on port 8001, whichever it is told; otherwise a plain server of files."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

server = ThreadingHTTPServer(("127.0.0.1", 8001), partial(SimpleHTTPRequestHandler, directory="site"))
print("Started HTTP server on port 8001")
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("shutting down")
