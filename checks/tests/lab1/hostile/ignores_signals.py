"""Serves files, and ignores every signal that asks it to stop. (It ends by itself after two minutes.)"""

import os
import signal
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), signal.SIG_IGN)

bound = threading.Timer(120, os._exit, [1])
bound.daemon = True
bound.start()
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), partial(SimpleHTTPRequestHandler, directory="site"))
print("Started HTTP server")
server.serve_forever()
