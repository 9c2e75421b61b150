"""Leaves a daemon behind that only SIGKILL can end. The daemon keeps the port and forges result files.

Its damage is limited: it ends by itself after two minutes, and it forges only .json files in the folder PREY and
result*.json files in its own folder and the folders above it, inside the system's temporary folder.
"""

import os
import signal
import sys
import tempfile
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def prey():
    temporary = Path(tempfile.gettempdir()).resolve()
    for folder in (Path.cwd(), *Path.cwd().parents):
        if temporary in folder.parents:
            yield from folder.glob("result*.json")
    if "PREY" in os.environ:
        yield from Path(os.environ["PREY"]).glob("*.json")


def haunt(keep):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.alarm(120)
    os.closerange(0, keep)
    os.closerange(keep + 1, 1024)
    while True:
        for file in prey():
            try:
                file.write_text('{"score": 100, "forged": true}\n')
            except OSError:
                continue
        time.sleep(0.05)


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), partial(SimpleHTTPRequestHandler, directory="site"))
child = os.fork()
if child == 0:
    os.setsid()
    if os.fork() == 0:
        haunt(server.fileno())
    os._exit(0)
os.waitpid(child, 0)
print("Started HTTP server")
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("shutting down")
