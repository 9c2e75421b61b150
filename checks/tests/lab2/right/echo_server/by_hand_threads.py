"""An echo server with plain sockets and threads, standard library only; it sends its answers in small pieces."""

import base64
import hashlib
import os
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from http.client import parse_headers

LIMIT = 1 << 20
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Refused(Exception):
    pass


def say(line):
    sys.stdout.write(line + "\n")  # in one piece; print() with many threads would write several
    sys.stdout.flush()


class Client(threading.Thread):
    everyone: set["Client"] = set()

    def __init__(self, connection):
        super().__init__(daemon=True)
        self.socket = connection
        self.stream = connection.makefile("rb")
        self.sending = threading.Lock()
        self.closed = True
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self):
        Client.everyone.add(self)
        try:
            if self.upgrade():
                try:
                    self.talk()
                except Refused as refused:
                    self.close(*refused.args)
                self.hang_up()
        except (OSError, EOFError, struct.error):
            pass
        finally:
            Client.everyone.discard(self)
            self.stream.close()
            self.socket.close()

    def upgrade(self):
        """Read the request, answer it and return whether it was valid."""
        if not self.stream.readline(65536).startswith(b"GET / HTTP/1.1"):
            self.socket.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return False
        headers = parse_headers(self.stream)
        if headers.get("Upgrade", "").lower() != "websocket" or "Sec-WebSocket-Key" not in headers:
            self.socket.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return False
        with self.sending:
            self.accept(headers["Sec-WebSocket-Key"].strip())
        return True

    def accept(self, key):
        accept = base64.b64encode(hashlib.sha1(key.encode() + MAGIC).digest())
        self.socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"Upgrade: websocket\r\n"
            b"Connection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self.closed = False

    def read(self, count):
        data = self.stream.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def talk(self):
        """Echo until the client closes."""
        parts = []
        length = 0
        while True:
            first, second = self.read(2)
            opcode, size = first & 15, second & 127
            if size >= 126:
                (size,) = struct.unpack(*((">H", self.read(2)) if size == 126 else (">Q", self.read(8))))
            if second < 128 or first & 0x70 or (opcode >= 8 and size > 125):
                raise Refused(1002)
            if opcode < 8:
                length += size
                if length > LIMIT:
                    raise Refused(1009)
            mask = self.read(4)
            data = bytearray(self.read(size))
            for i in range(4):  # one slice for each byte of the mask: much faster than byte by byte
                data[i::4] = data[i::4].translate(bytes(byte ^ mask[i] for byte in range(256)))
            if opcode == 8:
                if not self.closed:
                    self.close(int.from_bytes(data[:2], "big") or None)
                return
            if opcode == 9:
                self.send(10, data)
            elif opcode in (0, 1):
                parts.append(bytes(data))
                if first & 128:
                    try:
                        text = b"".join(parts).decode()
                    except UnicodeDecodeError:
                        raise Refused(1007) from None
                    parts, length = [], 0
                    if not self.closed:
                        say("From client: " + text)
                        self.send(1, b"ECHO! " + text.encode())
                        say("To client: ECHO! " + text)
            elif opcode != 10:
                raise Refused(1003)

    def send(self, opcode, payload):
        """Send a frame: its first bytes one by one, then the rest in three pieces."""
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", 128 | opcode, size)
        elif size < 65536:
            head = struct.pack(">BBH", 128 | opcode, 126, size)
        else:
            head = struct.pack(">BBQ", 128 | opcode, 127, size)
        data = head + payload
        with self.sending:
            if self.closed:
                return
            self.closed = opcode == 8
            for i in range(min(len(data), 8)):
                self.socket.sendall(data[i : i + 1])
                time.sleep(0.0005)
            step = len(data) // 3 + 1
            for start in range(8, len(data), step):
                self.socket.sendall(data[start : start + step])

    def close(self, code=1000):
        self.send(8, struct.pack(">H", code) if code else b"")

    def hang_up(self):
        """Read until the client closes the connection; otherwise the close frame could be lost."""
        self.socket.shutdown(socket.SHUT_WR)
        self.socket.settimeout(5)
        while self.stream.read1(65536):
            pass


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    say(f"Waiting on port {port}")
    try:
        while True:
            connection, _ = listener.accept()
            Client(connection).start()
    except KeyboardInterrupt:
        listener.close()
        clients = list(Client.everyone)
        for client in clients:
            threading.Thread(target=farewell, args=(client,), daemon=True).start()
        deadline = time.monotonic() + 2.5
        for client in clients:
            client.join(max(0, deadline - time.monotonic()))
        say("The end")
        os._exit(0)  # do not wait for clients that do not close


def farewell(client):
    with suppress(OSError):
        client.close(1001)


if __name__ == "__main__":
    main()
