"""A chat client with one thread: select() on a plain socket and on standard input (not for Windows)."""

import base64
import os
import select
import socket
import struct
import sys

STDIN = 0


class Gone(Exception):
    pass


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("localhost", port))
        self.received = b""
        self.message = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self.received:
            self.read()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        if b" 101 " not in head.partition(b"\r\n")[0]:
            raise Gone("no WebSocket there")

    def read(self):
        data = self.socket.recv(65536)
        if not data:
            raise Gone("end of connection")
        self.received += data

    def send(self, opcode, payload):
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 128 | opcode, 128 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 128 | opcode, 254, size)
        else:
            head = struct.pack("!BBQ", 128 | opcode, 255, size)
        mask = os.urandom(4)
        self.socket.sendall(head + mask + bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload)))

    def frames(self):
        """Yield the first byte and the payload of each complete frame."""
        while len(self.received) >= 2:
            size, start = self.received[1] & 127, 2
            if size >= 126:
                start = 4 if size == 126 else 10
                if len(self.received) < start:
                    return
                size = int.from_bytes(self.received[2:start], "big")
            if len(self.received) < start + size:
                return
            first, payload = self.received[0], self.received[start : start + size]
            self.received = self.received[start + size :]
            yield first, payload

    def texts(self):
        """Yield the complete messages."""
        for first, payload in self.frames():
            opcode = first & 15
            if opcode == 8:
                self.send(8, payload[:2])
                raise Gone(f"closed with code {int.from_bytes(payload[:2], 'big') or 1005}")
            if opcode == 9:
                self.send(10, payload)
            elif opcode < 3:
                self.message += payload
                if first & 128:
                    yield self.message.decode()
                    self.message = b""

    def close(self):
        self.socket.settimeout(2)
        self.send(8, struct.pack("!H", 1000))
        try:
            while True:
                for first, _ in self.frames():
                    if first & 15 == 8:
                        return
                self.read()
        except (OSError, Gone):
            pass


def show(text):
    """Write a text without buffering."""
    sys.stdout.write(text)
    sys.stdout.flush()


def chat(connection):
    name, typed = None, b""
    show("Enter Your Name: ")
    while True:
        ready, _, _ = select.select([connection.socket, STDIN], [], [])
        if connection.socket in ready:
            connection.read()
            for text in connection.texts():
                show(f"From server: {text}\n")
        if STDIN in ready:
            data = os.read(STDIN, 65536)
            if not data and name is not None and typed:
                connection.send(1, name + b"," + typed)
            if not data:
                return
            typed += data
            while b"\n" in typed:
                line, _, typed = typed.partition(b"\n")
                if name is None:
                    name = line
                else:
                    connection.send(1, name + b"," + line)
                show("Your Message: ")


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    try:
        connection = Connection(port)
    except (OSError, Gone) as error:
        print(f"Port {port} does not work: {error}", file=sys.stderr)
        return 1
    try:
        for text in connection.texts():
            show(f"From server: {text}\n")
        chat(connection)
    except (OSError, Gone) as error:
        print("The server went away:", error, file=sys.stderr)
        return 1
    connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
