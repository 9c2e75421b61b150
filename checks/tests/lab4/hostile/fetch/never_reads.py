"""Sends a request, and exits without reading the answer."""

import socket, sys, urllib.parse

parts = urllib.parse.urlsplit(sys.argv[1])
server = socket.create_connection((parts.hostname, parts.port))
server.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
