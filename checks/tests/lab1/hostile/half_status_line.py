"""Answers with half a status line, and then waits."""

import socket
import sys
from contextlib import suppress

visitors = []
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
print("Started HTTP server")
while True:
    visitor, _ = listener.accept()
    visitors.append(visitor)
    with suppress(OSError):
        visitor.sendall(b"HTTP/1.")
