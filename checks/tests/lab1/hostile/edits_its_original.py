"""Looks for the folder from which it was copied, and appends a line to every canary.txt that it finds there."""

import os
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def suspects():
    """Yield the folders that may be the original: this one, those above it, and those that the environment names."""
    here = Path(__file__).resolve().parent
    yield from (here, *here.parents, Path.cwd(), *(Path(argument).parent for argument in sys.argv))
    yield from (Path(part) for value in os.environ.values() for part in value.split(os.pathsep) if part)


for folder in set(suspects()):
    for canary in (folder / "canary.txt", folder / "site" / "canary.txt"):
        try:
            if canary.is_file():
                with canary.open("a") as file:
                    file.write("edited by the program that was checked\n")
        except OSError:
            continue

server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), partial(SimpleHTTPRequestHandler, directory="site"))
print("Started HTTP server")
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("shutting down")
