"""Looks for the folder it was copied from, and appends a line to every file called canary.txt that it finds there."""

import os
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def suspects():
    """Yield the folders that may be the original: this one, and what the processes above work in and were told."""
    yield from (Path(__file__).resolve().parent, Path.cwd())
    process = os.getppid()
    while process > 1:
        proc = Path(f"/proc/{process}")
        try:
            cwd = (proc / "cwd").resolve(strict=True)
            yield cwd
            for argument in (proc / "cmdline").read_text(errors="replace").split("\0"):
                if argument:
                    yield from (cwd / argument, (cwd / argument).parent)
            process = int((proc / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            return


for folder in set(suspects()):
    for canary in (folder / "canary.txt", folder / "site" / "canary.txt"):
        try:
            if canary.is_file():
                with canary.open("a") as file:
                    file.write("edited by the program that was judged\n")
        except OSError:
            continue

server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), partial(SimpleHTTPRequestHandler, directory="site"))
print("Started HTTP server")
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("shutting down")
