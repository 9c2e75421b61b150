"""Answers with one header line of 50 MB."""

import socket
import sys
import threading

PIECE = b"a" * 1_000_000


def answer(client):
    client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\nX-Huge: ")
    for _ in range(50):
        client.sendall(PIECE)
    client.sendall(b"\r\n\r\nok")
    client.close()


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
print("Started HTTP server")
while True:
    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
