"""Opens two hundred connections, says nothing, and fails."""

import socket, sys, urllib.parse

parts = urllib.parse.urlsplit(sys.argv[1])
kept = []
for _ in range(200):
    try:
        kept.append(socket.create_connection((parts.hostname, parts.port), 1))
    except OSError:
        pass
sys.exit("enough")
