"""Accepts every client, and closes the connection without sending a byte."""

import socket
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
print("Started HTTP server")
while True:
    listener.accept()[0].close()
