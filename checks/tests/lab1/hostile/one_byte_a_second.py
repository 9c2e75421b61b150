"""Answers with one byte per second, forever."""

import itertools
import socket
import sys
import threading
import time

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"


def answer(client):
    for byte in itertools.chain(HEAD, itertools.repeat(ord("x"))):
        client.send(bytes([byte]))
        time.sleep(1)


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
print("Started HTTP server")
while True:
    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
