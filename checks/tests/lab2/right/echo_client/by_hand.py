"""An echo client with a plain socket, standard library only."""

import base64
import hashlib
import os
import socket
import struct
import sys

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Closed(Exception):
    pass


class WebSocket:
    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port))
        self.stream = self.socket.makefile("rb")
        self.closing = False
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = []
        while line := self.stream.readline().strip():
            head.append(line.decode("latin-1"))
        accept = base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()
        if not head or " 101 " not in head[0] or not any(line.endswith(accept) for line in head):
            raise Closed(f"this is no WebSocket server: {head[:1]}")

    def send_frame(self, opcode, payload):
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 128 | opcode, 128 | length)
        elif length < 65536:
            head = struct.pack("!BBH", 128 | opcode, 128 | 126, length)
        else:
            head = struct.pack("!BBQ", 128 | opcode, 128 | 127, length)
        mask = os.urandom(4)
        self.socket.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    def send(self, text):
        self.send_frame(1, text.encode())

    def read(self, count):
        data = self.stream.read(count)
        if len(data) < count:
            raise Closed("the connection broke")
        return data

    def receive(self):
        """Return the next text message."""
        message = b""
        while True:
            first, length = self.read(2)
            opcode = first & 15
            if length == 126:
                (length,) = struct.unpack("!H", self.read(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self.read(8))
            payload = self.read(length)
            if opcode == 8:
                if not self.closing:
                    self.send_frame(8, payload[:2])
                raise Closed(f"the server closed with code {int.from_bytes(payload[:2], 'big') or 'unknown'}")
            if opcode == 9:
                self.send_frame(10, payload)
            elif opcode in (0, 1):
                message += payload
                if first & 128:
                    return message.decode()

    def close(self):
        """Send a close frame and wait for the server's."""
        self.socket.settimeout(2)
        self.closing = True
        self.send_frame(8, struct.pack("!H", 1000))
        try:
            while True:
                self.receive()
        except (OSError, Closed):
            self.socket.close()


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    try:
        websocket = WebSocket("localhost", port)
    except (OSError, Closed) as error:
        print(f"No connection to localhost, port {port}: {error}", file=sys.stderr)
        return 1
    try:
        while True:
            line = input("Enter some data: ")
            websocket.send(line)
            print(f"To server: {line}")
            print(f"From server: {websocket.receive()}")
    except EOFError:
        websocket.close()
        return 0
    except (OSError, Closed) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
