"""Deletes the folder in which it was started, with everything in it, and serves what is left.

Its damage is limited: it deletes only if it is a copy called webserver.py next to site/, outside any git repository.
"""

import shutil
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

here = Path(__file__).resolve()
is_copy = here.name == "webserver.py" and here.parent == Path.cwd() and (here.parent / "site").is_dir()
if is_copy and not any((folder / ".git").exists() for folder in here.parents):
    shutil.rmtree(here.parent, ignore_errors=True)

server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), partial(SimpleHTTPRequestHandler, directory="site"))
print("Started HTTP server")
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("shutting down")
