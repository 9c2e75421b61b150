"""A ticker on plain sockets with a thread for each connection and one condition variable, standard library only."""

import base64
import hashlib
import json
import math
import os
import queue
import socket
import struct
import sys
import threading
from contextlib import suppress
from http.client import parse_headers
from urllib.parse import parse_qsl, unquote

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
changed = threading.Condition()
quotes = {}
feeds = {}
sockets = set()


class Socket:
    """The server's side of a WebSocket; a thread of its own sends what is put into `out`."""

    def __init__(self, stream, connection):
        self.stream, self.connection = stream, connection
        self.out = queue.Queue(100)
        self.writer = threading.Thread(target=self.write, daemon=True)
        self.writer.start()

    def write(self):
        with suppress(OSError):
            while True:
                opcode, data = self.out.get()
                self.connection.sendall(frame(opcode, data))
                if opcode == 8:
                    return

    def send(self, text):
        try:
            self.out.put_nowait((1, text.encode()))
        except queue.Full:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    def close(self, code):
        with suppress(queue.Full):
            self.out.put_nowait((8, struct.pack(">H", code)))

    def texts(self):
        """Yield the text messages of the client, until it closes."""
        parts = []
        while True:
            first, second = self.read(2)
            size = second & 127
            if size > 125:
                (size,) = struct.unpack(*((">H", self.read(2)) if size == 126 else (">Q", self.read(8))))
            mask, data = self.read(4), bytearray(self.read(size))
            for i in range(4):
                data[i::4] = data[i::4].translate(bytes(byte ^ mask[i] for byte in range(256)))
            opcode = first & 15
            if opcode == 8:
                self.out.put((8, bytes(data[:2])))
                self.writer.join(1)
                return
            if opcode == 9:
                self.out.put((10, bytes(data)))
            elif opcode in (0, 1):
                parts.append(bytes(data))
                if first & 128:
                    yield b"".join(parts).decode()
                    parts = []

    def read(self, count):
        data = self.stream.read(count)
        if len(data) < count:
            raise ConnectionError
        return data


def frame(opcode, data):
    if len(data) < 126:
        return bytes([128 | opcode, len(data)]) + data
    if len(data) < 65536:
        return struct.pack(">BBH", 128 | opcode, 126, len(data)) + data
    return struct.pack(">BBQ", 128 | opcode, 127, len(data)) + data


def publish(text):
    """Return the answer to a publisher."""
    try:
        wanted = json.loads(text)
    except ValueError:
        return {"error": "no JSON"}
    if not isinstance(wanted, dict) or not all(isinstance(wanted.get(key), str) for key in ("symbol", "price")):
        return {"error": "no symbol or no price"}
    with changed:
        symbol = wanted["symbol"]
        version = quotes[symbol]["version"] + 1 if symbol in quotes else 1
        quotes[symbol] = quote = {"symbol": symbol, "price": wanted["price"], "version": version}
        for feed in feeds.get(symbol, ()):
            feed.send(json.dumps(quote))
        changed.notify_all()
    return quote


def get(symbol, query):
    """Return the status and the value of the answer to a GET."""
    if "after" in query:
        try:
            if not query["after"].isdecimal():
                raise ValueError
            after, wait = int(query["after"]), float(query.get("wait", "12"))
            if not math.isfinite(wait) or not 0 <= wait <= 60:
                raise ValueError
        except ValueError:
            return "400 Bad Request", {"error": "not a number"}
        with changed:
            if not changed.wait_for(lambda: quotes.get(symbol, {"version": 0})["version"] > after, wait):
                return "204 No Content", None
            return "200 OK", quotes[symbol]
    with changed:
        return ("200 OK", quotes[symbol]) if symbol in quotes else ("404 Not Found", {"error": "never published"})


def respond(connection, status, value):
    body = b"" if value is None else json.dumps(value, ensure_ascii=False).encode()
    head = [f"HTTP/1.1 {status}", "cache-control: private, no-store", "connection: close"]
    if value is not None:
        head += ["content-type: application/json; charset=utf-8", f"content-length: {len(body)}"]
    connection.sendall("\r\n".join([*head, "", ""]).encode() + body)


def serve(connection):
    with suppress(OSError), connection, connection.makefile("rb") as stream:
        target = stream.readline(65536).split()[1].decode()
        headers = parse_headers(stream)
        path, _, query = target.partition("?")
        names = path.split("/")[1:]
        if headers.get("Upgrade", "").lower() == "websocket":
            if path != "/publish" and not (len(names) == 2 and names[0] == "feed"):
                respond(connection, "404 Not Found", {"error": "no WebSocket here"})
                return
            key = hashlib.sha1((headers["Sec-WebSocket-Key"].strip() + MAGIC).encode()).digest()
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + base64.b64encode(key) + b"\r\n\r\n"
            )
            talk(Socket(stream, connection), None if names[0] == "publish" else unquote(names[1]))
        elif len(names) == 2 and names[0] == "price":
            respond(connection, *get(unquote(names[1]), dict(parse_qsl(query, keep_blank_values=True))))
        else:
            respond(connection, "404 Not Found", {"error": "no such path"})


def talk(client, symbol):
    sockets.add(client)
    if symbol is not None:
        with changed:
            if symbol in quotes:
                client.send(json.dumps(quotes[symbol]))
            feeds.setdefault(symbol, set()).add(client)
    try:
        for text in client.texts():
            if symbol is None:
                client.send(json.dumps(publish(text)))
    finally:
        sockets.discard(client)
        with changed:
            feeds.get(symbol, set()).discard(client)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8003
    listener = socket.create_server(("127.0.0.1", port), backlog=5)
    try:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()
    except KeyboardInterrupt:
        for client in list(sockets):
            client.close(1001)
        for client in list(sockets):
            client.writer.join(0.2)
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
