"""A ticker with http.server: a GET with Upgrade becomes a WebSocket by hand. One event for each waiting request."""

import base64
import hashlib
import http.server
import json
import re
import socket
import struct
import sys
import threading
import urllib.parse
from contextlib import suppress

lock = threading.RLock()
latest = {}
waiting = {}
subscribers = {}
closing = threading.Event()
open_sockets = set()


def publish(symbol, price):
    with lock:
        version = latest.get(symbol, {}).get("version", 0) + 1
        latest[symbol] = quote = {"version": version, "price": price, "symbol": symbol}
        for event in waiting.pop(symbol, []):
            event.set()
        text = json.dumps(quote)
        for handler in subscribers.get(symbol, []):
            handler.enqueue(text)
        return text


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    timeout = None

    def log_message(self, *args):
        pass

    def do_GET(self):
        path, _, query = self.path.partition("?")
        wants_socket = self.headers.get("Upgrade", "").lower() == "websocket"
        price = re.fullmatch("/price/([^/]+)", path)
        feed = re.fullmatch("/feed/([^/]+)", path)
        if wants_socket and path == "/publish":
            self.upgrade(None)
        elif wants_socket and feed:
            self.upgrade(urllib.parse.unquote(feed[1]))
        elif price and not wants_socket:
            self.price(urllib.parse.unquote(price[1]), urllib.parse.parse_qs(query, keep_blank_values=True))
        else:
            self.answer(404, {"error": "not found"})

    def price(self, symbol, query):
        if "after" in query:
            wait = query.get("wait", ["12"])[0]
            if not re.fullmatch("[0-9]+", query["after"][0]):
                return self.answer(400, {"error": "after"})
            if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", wait, re.ASCII) or float(wait) > 60:
                return self.answer(400, {"error": "wait"})
            event = threading.Event()
            with lock:
                is_new = latest.get(symbol, {}).get("version", 0) > int(query["after"][0])
                if not is_new:
                    waiting.setdefault(symbol, []).append(event)
            if not is_new and not event.wait(float(wait)):
                with lock:
                    if not event.is_set():
                        waiting[symbol].remove(event)
                        return self.answer(204)
        with lock:
            quote = latest.get(symbol)
        return self.answer(200, quote) if quote else self.answer(404, {"error": "no price"})

    def answer(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        with suppress(ConnectionError):
            self.send_response(status)
            self.send_header("Cache-Control", "No-Store")
            if value is not None:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def upgrade(self, symbol):
        key = self.headers["Sec-WebSocket-Key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %s\r\n\r\n" % base64.b64encode(hashlib.sha1(key).digest())
        )
        self.outbox, self.ready, self.gone = [], threading.Condition(), False
        writer = threading.Thread(target=self.write_all, daemon=True)
        writer.start()
        with lock:
            open_sockets.add(self)
            if symbol is not None:
                subscribers.setdefault(symbol, []).append(self)
                if symbol in latest:
                    self.enqueue(json.dumps(latest[symbol]))
        try:
            with suppress(OSError, struct.error):
                self.read_all(symbol)
        finally:
            with lock:
                open_sockets.discard(self)
                if symbol is not None:
                    subscribers[symbol].remove(self)
            self.enqueue(None)
            writer.join(0.5)

    def read_all(self, symbol):
        message = b""
        while True:
            first, second = struct.unpack("BB", self.rfile.read(2))
            size = second & 127
            if size == 126:
                (size,) = struct.unpack(">H", self.rfile.read(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", self.rfile.read(8))
            mask, data = self.rfile.read(4), self.rfile.read(size)
            repeated = (mask * (size // 4 + 1))[:size]
            data = (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
            if first & 15 == 8:
                self.enqueue(data[:2], 8)
                return
            if first & 15 == 9:
                self.enqueue(data, 10)
            elif first & 15 in (0, 1):
                message += data
                if first & 128:
                    if symbol is None:
                        self.enqueue(self.reply(message))
                    message = b""

    def reply(self, message):
        try:
            wanted = json.loads(message)
            symbol, price = wanted["symbol"], wanted["price"]
        except (ValueError, TypeError, LookupError):
            return '{"error": "a symbol and a price, please"}'
        if type(symbol) is not str or type(price) is not str:
            return '{"error": "not a text"}'
        return publish(symbol, price)

    def enqueue(self, data, opcode=1):
        with self.ready:
            if len(self.outbox) > 200:  # too slow
                self.gone = True
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
            if not self.gone:
                self.outbox.append((opcode, data.encode() if isinstance(data, str) else data))
            self.ready.notify()

    def write_all(self):
        with suppress(OSError, ValueError):
            while True:
                with self.ready:
                    self.ready.wait_for(lambda: self.outbox or self.gone)
                    if self.gone:
                        return
                    opcode, data = self.outbox.pop(0)
                if data is None:
                    return
                size = len(data)
                head = bytes([size]) if size < 126 else struct.pack(">BH", 126, size)
                head = struct.pack(">BQ", 127, size) if size > 65535 else head
                self.connection.sendall(bytes([128 | opcode]) + head + data)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # the client has gone


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8003), Handler) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            for each in list(open_sockets):
                each.enqueue((1001).to_bytes(2, "big"), 8)
            for each in list(open_sockets):
                with each.ready:
                    each.ready.wait_for(lambda each=each: not each.outbox, 0.3)
