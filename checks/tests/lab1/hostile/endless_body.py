"""Answers 200 with an endless body without a length, as fast as it can."""

import socket
import sys
import threading


def answer(client):
    client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    while True:
        client.sendall(b"never enough " * 10_000)


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
print("Started HTTP server")
while True:
    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
