"""Serves files, and writes 1 GB to stderr at the same time, as fast as it can."""

import os
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


def flood():
    block = b"All work and no play makes a dull server.\n" * 25_000
    for _ in range(1000):
        rest = block
        while rest:
            rest = rest[os.write(2, rest) :]


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), partial(SimpleHTTPRequestHandler, directory="site"))
print("Started HTTP server")
threading.Thread(target=flood, daemon=True).start()
try:
    server.serve_forever()
except KeyboardInterrupt:
    os.write(1, b"\nshutting down\n")
