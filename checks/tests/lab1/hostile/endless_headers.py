"""Answers with endless header fields, as fast as it can."""

import itertools
import socket
import sys
import threading


def answer(client):
    client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in itertools.count():
        client.sendall(b"".join(b"X-%d-%d: %s\r\n" % (number, index, b"a" * 80) for index in range(1000)))


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
print("Started HTTP server")
while True:
    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
