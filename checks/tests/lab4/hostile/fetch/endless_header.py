"""Sends a header without end."""

import socket, sys, urllib.parse

parts = urllib.parse.urlsplit(sys.argv[1])
with socket.create_connection((parts.hostname, parts.port)) as server:
    server.sendall(b"GET / HTTP/1.1\r\n")
    while True:
        server.sendall(b"X-More: " + b"x" * 60000 + b"\r\n")
