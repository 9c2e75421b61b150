"""Answers with random bytes, and closes the connection."""

import os
import socket
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
print("Started HTTP server")
while True:
    client, _ = listener.accept()
    try:
        with client:
            client.recv(65536)
            client.sendall(b"\xff" + os.urandom(4999))
    except OSError:
        pass
