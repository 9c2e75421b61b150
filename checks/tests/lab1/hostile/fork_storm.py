"""Serves files next to 200 sleeping children, each in its own session. (They end after a minute.)"""

import os
import sys
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

for _ in range(200):
    try:
        if os.fork() == 0:
            os.setsid()
            time.sleep(60)
            os._exit(0)
    except OSError:
        break  # the number of processes is limited

server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), partial(SimpleHTTPRequestHandler, directory="site"))
print("Started HTTP server")
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("shutting down")
