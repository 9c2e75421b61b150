"""Sends a complete answer before it has read the request."""

import socket
import sys
import threading


def answer(client):
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    client.shutdown(socket.SHUT_WR)
    while client.recv(65536):
        pass
    client.close()


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
print("Started HTTP server")
while True:
    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
