"""A ticker with h11 and wsproto over asyncio protocols, timers of the loop, and writes that never block."""

import asyncio
import json
import sys
from urllib.parse import parse_qs, unquote, urlsplit

import h11
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, CloseConnection, Message, Ping, Request, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

MOST = 4 << 20  # bytes for a client that does not read
state = {}
clients = set()


class Symbol:
    def __init__(self):
        self.quote, self.version, self.waiting, self.feeds = None, 0, {}, set()


class Client(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.transport.set_write_buffer_limits(MOST)
        self.http, self.socket, self.symbol = h11.Connection(h11.SERVER), None, None
        self.raw, self.text = b"", ""

    def connection_lost(self, exc):
        clients.discard(self)
        if self.symbol is not None:
            self.symbol.feeds.discard(self)
            timer = self.symbol.waiting.pop(self, None)
            if timer is not None:
                timer.cancel()

    def data_received(self, data):
        if self.socket is None:
            self.raw += data
            if b"\r\n\r\n" in self.raw:
                self.http.receive_data(self.raw)
                self.request(self.http.next_event())
        else:
            self.feed_socket(data)

    def request(self, request):
        fields = {name.lower(): value for name, value in request.headers}
        target = urlsplit(request.target.decode())
        match target.path.split("/")[1:], fields.get(b"upgrade", b"").lower() == b"websocket":
            case (["publish"], True):
                self.open_socket(None)
            case (["feed", name], True):
                self.open_socket(state.setdefault(unquote(name), Symbol()))
            case (["price", name], False):
                self.price(unquote(name), parse_qs(target.query, keep_blank_values=True))
            case _:
                self.respond(404, {"error": "nothing there"})

    def price(self, name, query):
        known = state.get(name)
        if "after" in query:
            try:
                after = int(query["after"][0])
                wait = float(query["wait"][0]) if "wait" in query else 12.0
                assert after >= 0
                assert 0.0 <= wait <= 60.0
            except (ValueError, AssertionError):
                self.respond(400, {"error": "these are not the numbers I expect"})
                return
            known = self.symbol = state.setdefault(name, Symbol())
            if known.version <= after:
                known.waiting[self] = asyncio.get_running_loop().call_later(wait, self.give_up)
                return
        if known is None or not known.version:
            self.respond(404, {"error": "no such symbol"})
        else:
            self.respond(200, known.quote)

    def give_up(self):
        self.symbol.waiting.pop(self, None)
        self.respond(204, None)

    def respond(self, status, value):
        body = b"" if value is None else json.dumps(value).encode()
        fields = [("cache-control", "no-store"), ("connection", "close")]
        if value is not None:
            fields += [("content-type", "application/json"), ("content-length", str(len(body)))]
        data = self.http.send(h11.Response(status_code=status, headers=fields))
        data += self.http.send(h11.Data(data=body)) if body else b""
        self.transport.write(data + self.http.send(h11.EndOfMessage()))
        self.transport.close()

    def open_socket(self, symbol):
        self.socket, self.symbol = WSConnection(ConnectionType.SERVER), symbol
        clients.add(self)
        self.feed_socket(self.raw)

    def feed_socket(self, data):
        try:
            self.socket.receive_data(data)
            for event in self.socket.events():
                self.handle(event)
        except RemoteProtocolError:
            self.transport.close()

    def handle(self, event):
        if isinstance(event, Request):
            self.send(AcceptConnection())
            if self.symbol is not None:
                if self.symbol.version:
                    self.send(TextMessage(json.dumps(self.symbol.quote)))
                self.symbol.feeds.add(self)
        elif isinstance(event, Ping):
            self.send(event.response())
        elif isinstance(event, CloseConnection):
            if self.socket.state is ConnectionState.REMOTE_CLOSING:
                self.send(event.response())
            self.transport.close()
        elif isinstance(event, Message) and isinstance(event.data, str):
            self.text += event.data
            if event.message_finished:
                text, self.text = self.text, ""
                if self.symbol is None:
                    self.send(TextMessage(json.dumps(publish(text))))

    def send(self, event):
        if self.transport.get_write_buffer_size() > MOST:
            self.transport.abort()
        elif not self.transport.is_closing():
            try:
                self.transport.write(self.socket.send(event))
            except LocalProtocolError:
                self.transport.close()


def publish(text):
    try:
        value = json.loads(text)
        name, price = value["symbol"], value["price"]
        "".join((name, price))
    except (ValueError, TypeError, KeyError):
        return {"error": "wrong"}
    if not isinstance(name, str):
        return {"error": "wrong symbol"}
    known = state.setdefault(name, Symbol())
    known.version += 1
    known.quote = {"symbol": name, "price": price, "version": known.version}
    waiting, known.waiting = known.waiting, {}
    for client, timer in waiting.items():
        timer.cancel()
        client.respond(200, known.quote)
    for client in list(known.feeds):
        client.send(TextMessage(json.dumps(known.quote)))
    return known.quote


async def main(port):
    server = await asyncio.get_running_loop().create_server(Client, "127.0.0.1", port, backlog=200)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        for client in list(clients):
            client.send(CloseConnection(1001))
        for _ in range(20):
            if clients:
                await asyncio.sleep(0.05)


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8003))
    except KeyboardInterrupt:
        print("Server stops")
