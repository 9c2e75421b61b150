"""Waits for the Enter key before it serves."""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

input("Press Enter to start the server: ")
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), partial(SimpleHTTPRequestHandler, directory="site"))
print("Started HTTP server")
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("shutting down")
