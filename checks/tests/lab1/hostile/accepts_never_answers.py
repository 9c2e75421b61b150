"""Accepts every client and reads what it sends, but never answers."""

import socket
import sys
import threading


def listen_to(client):
    while client.recv(65536):
        pass
    threading.Event().wait()


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
print("Started HTTP server")
while True:
    threading.Thread(target=listen_to, args=(listener.accept()[0],), daemon=True).start()
