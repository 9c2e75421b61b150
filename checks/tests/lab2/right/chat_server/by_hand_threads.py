"""A chat server with plain sockets and threads, standard library only."""

import base64
import hashlib
import os
import queue
import struct
import sys
import threading
from socketserver import StreamRequestHandler, ThreadingTCPServer

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
lock = threading.Lock()
present = set()


def say(line):
    sys.stdout.write(line + "\n")  # in one piece; print() with many threads would write several
    sys.stdout.flush()


def frame(opcode, payload):
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", 128 | opcode, size) + payload
    if size < 65536:
        return struct.pack("!BBH", 128 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 128 | opcode, 127, size) + payload


class Member(StreamRequestHandler):
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.outbox = queue.SimpleQueue()

    def handle(self):
        try:
            if not self.shake_hands():
                return
            writer = threading.Thread(target=self.write, daemon=True)
            writer.start()
            self.talk()
            self.outbox.put(None)
            writer.join(1)
        except (OSError, EOFError):
            self.outbox.put(None)
        finally:
            with lock:
                present.discard(self)

    def finish(self):
        try:
            super().finish()
        except OSError:
            pass

    def shake_hands(self):
        request = self.rfile.readline(65536).decode("latin-1").split()
        headers = {}
        while line := self.rfile.readline(65536).decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if len(request) != 3 or request[0] != "GET" or "sec-websocket-key" not in headers:
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return False
        with lock:
            present.add(self)  # from here on, messages wait in the outbox
        digest = hashlib.sha1((headers["sec-websocket-key"] + MAGIC).encode()).digest()
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        )
        return True

    def write(self):
        """Send everything in the outbox, up to a close frame."""
        try:
            while (data := self.outbox.get()) is not None:
                self.connection.sendall(data)
                if data[0] == 128 | CLOSE:
                    return
        except OSError:
            pass

    def read(self, count):
        data = self.rfile.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def talk(self):
        message = b""
        while True:
            first, second = self.read(2)
            opcode, size = first & 15, second & 127
            if size == 126:
                size = int.from_bytes(self.read(2), "big")
            elif size == 127:
                size = int.from_bytes(self.read(8), "big")
            if not second & 128 or size + len(message) > 1 << 24:
                self.outbox.put(frame(CLOSE, struct.pack("!H", 1009 if second & 128 else 1002)))
                return
            mask = self.read(4)
            payload = bytearray(self.read(size))
            for i in range(4):  # one slice for each byte of the mask: much faster than byte by byte
                payload[i::4] = payload[i::4].translate(bytes(byte ^ mask[i] for byte in range(256)))
            if opcode == CLOSE:
                self.outbox.put(frame(CLOSE, payload[:2]))
                return
            if opcode == PING:
                self.outbox.put(frame(PONG, payload))
            elif opcode != PONG:
                message += payload
                if first & 128:
                    self.handle_text(message.decode(errors="replace"))
                    message = b""

    def handle_text(self, message):
        name, comma, text = message.partition(",")
        if not comma:
            self.outbox.put(frame(TEXT, b"ERROR: I do not understand you"))
            return
        say(f"From {name}: {text}")
        data = frame(TEXT, f"{name} says: {text}".encode())
        with lock:
            for member in present:
                if member is not self:
                    member.outbox.put(data)


class Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    server = Server(("127.0.0.1", port), Member)
    say(f"Chat server, port {port}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
        with lock:
            leaving = list(present)
        for member in leaving:
            member.outbox.put(frame(CLOSE, struct.pack("!H", 1001)))
        for _ in range(50):
            with lock:
                if not present:
                    break
            threading.Event().wait(0.05)
        say("Stopped")
        os._exit(0)  # do not wait for threads that wait for their clients


if __name__ == "__main__":
    main()
