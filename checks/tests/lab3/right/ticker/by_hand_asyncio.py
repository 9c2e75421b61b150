"""A ticker on asyncio streams: each subscriber keeps the number of the quote that it has, and a condition wakes it."""

import asyncio
import base64
import hashlib
import json
import sys
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote_to_bytes

HISTORY = 64  # quotes of a symbol that are kept for subscribers that are behind
books = {}
tasks = set()


class Book:
    def __init__(self):
        self.quotes = []
        self.version = 0
        self.news = asyncio.Condition()

    async def publish(self, symbol, price):
        self.version += 1
        self.quotes = [*self.quotes[-HISTORY + 1 :], {"symbol": symbol, "price": price, "version": self.version}]
        quote = self.quotes[-1]
        async with self.news:
            self.news.notify_all()
        return quote

    def since(self, version):
        return [quote for quote in self.quotes if quote["version"] > version]


def book(symbol):
    return books.setdefault(symbol, Book())


def text_of(part):
    return unquote_to_bytes(part).decode()


async def handle(reader, writer):
    task = asyncio.current_task()
    tasks.add(task)
    try:
        await serve(reader, writer)
    except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
        pass
    except asyncio.CancelledError:
        if writer.is_websocket:
            writer.write(b"\x88\x02\x03\xe9")
    finally:
        tasks.discard(task)
        writer.close()


async def serve(reader, writer):
    writer.is_websocket = False
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request, *lines = head.split("\r\n")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    path, _, query = request.split(" ")[1].partition("?")
    upgrade = fields.get("upgrade", "").lower() == "websocket"
    match path.removeprefix("/").split("/"):
        case ["publish"] if upgrade:
            accept(writer, fields)
            await publish(reader, writer)
        case ["feed", symbol] if upgrade:
            accept(writer, fields)
            await feed(reader, writer, book(text_of(symbol)))
        case ["price", symbol] if not upgrade:
            status, value = await price(text_of(symbol), dict(part.split("=", 1) for part in query.split("&") if part))
            await respond(writer, status, value)
        case _:
            await respond(writer, "404 Not Found", {"error": "there is nothing here"})


async def price(symbol, query):
    if "after" not in query:
        known = books.get(symbol)
        return ("200 OK", known.quotes[-1]) if known and known.version else ("404 Not Found", {"error": "unknown"})
    try:
        after, wait = Decimal(query["after"]), Decimal(query.get("wait", 12))
        if not query["after"].isdigit() or not 0 <= wait <= 60:
            raise InvalidOperation
    except InvalidOperation:
        return "400 Bad Request", {"error": "a number is wrong"}
    known = book(symbol)
    try:
        async with asyncio.timeout(float(wait)), known.news:
            await known.news.wait_for(lambda: known.version > after)
    except TimeoutError:
        return "204 No Content", None
    return "200 OK", known.quotes[-1]


async def respond(writer, status, value):
    writer.write(f"HTTP/1.1 {status}\r\nCache-Control: no-cache, no-store\r\nConnection: close\r\n".encode())
    if value is not None:
        body = json.dumps(value, indent=2).encode()
        writer.write(b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    else:
        writer.write(b"\r\n")
    await writer.drain()


def accept(writer, fields):
    key = fields["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    writer.write(b"Sec-WebSocket-Accept: " + base64.b64encode(hashlib.sha1(key.encode()).digest()) + b"\r\n\r\n")
    writer.is_websocket = True


def send(writer, data, opcode=1):
    size = len(data)
    if size < 126:
        head = bytes([size])
    else:
        head = bytes([126]) + size.to_bytes(2, "big") if size < 65536 else bytes([127]) + size.to_bytes(8, "big")
    writer.write(bytes([128 | opcode]) + head + data)


async def messages(reader, writer):
    whole = b""
    while True:
        first, second = await reader.readexactly(2)
        size = second & 127
        if size > 125:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        mask = await reader.readexactly(4)
        data = await reader.readexactly(size)
        data = bytes(byte ^ mask[place & 3] for place, byte in enumerate(data))
        if first & 15 == 8:
            send(writer, data[:2], 8)
            await writer.drain()
            return
        if first & 15 == 9:
            send(writer, data, 10)
        elif first & 15 < 2:
            whole += data
            if first & 128:
                yield whole
                whole = b""


async def publish(reader, writer):
    async for message in messages(reader, writer):
        try:
            value = json.loads(message.decode())
        except ValueError as error:
            answer = {"error": str(error)}
        else:
            match value:
                case {"symbol": str(symbol), "price": str(price)}:
                    answer = await book(symbol).publish(symbol, price)
                case _:
                    answer = {"error": "this has no symbol or no price"}
        send(writer, json.dumps(answer).encode())
        await writer.drain()


async def feed(reader, writer, known):
    task = asyncio.create_task(send_news(writer, known))
    try:
        async for _ in messages(reader, writer):
            pass
    finally:
        task.cancel()


async def send_news(writer, known):
    version = max(0, known.version - 1)
    while True:
        async with known.news:
            while known.version <= version:
                await known.news.wait()
        fresh = known.since(version)
        if fresh[0]["version"] != version + 1:
            writer.transport.abort()  # too far behind
            return
        for quote in fresh:
            send(writer, json.dumps(quote).encode())
            version = quote["version"]
            await writer.drain()


async def main(port):
    server = await asyncio.start_server(handle, "127.0.0.1", port)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8003))
    except KeyboardInterrupt:
        pass
