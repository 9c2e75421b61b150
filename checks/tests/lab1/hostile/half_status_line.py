"""Answers with half a status line, and then waits."""

import socket
import sys
from contextlib import suppress

clients = []
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
print("Started HTTP server")
while True:
    client, _ = listener.accept()
    clients.append(client)
    with suppress(OSError):
        client.sendall(b"HTTP/1.")
