"""A price ticker: it gives the same prices by polling, by long polling and by push.

Publishers connect a WebSocket to /publish. All other clients ask for /price/SYMBOL over HTTP, or for
/price/SYMBOL?after=VERSION to wait for the next price, or connect a WebSocket to /feed/SYMBOL.

Usage: python ticker.py [PORT]
"""

import asyncio
import collections
import json
import re
import sys
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

PORT = 8003
WAIT = 12  # seconds that a request waits if it does not say how long
LONGEST_WAIT = 60  # seconds
# The library gives up a request that is not answered within open_timeout, usually after 10 seconds.
OPEN_TIMEOUT = LONGEST_WAIT + 10
CLOSE_TIMEOUT = 1  # seconds that a client has to answer a close frame
MOST_BEHIND = 50  # quotes that are kept for a slow subscriber


class Symbol:
    """What is known about one symbol: its latest quote, and the clients that want the next one."""

    def __init__(self) -> None:
        self.version = 0  # nothing was published
        self.latest: dict[str, object] = {}
        self.published = asyncio.Event()  # set by the next publication, and then replaced
        self.subscribers: dict[ServerConnection, asyncio.Queue[str]] = {}

    def publish(self, name: str, price: str) -> dict[str, object]:
        """Make a new quote, hand it to all clients that want it, and return it."""
        # There is no await in this method: no other publisher can get the same version.
        self.version += 1
        self.latest = {"symbol": name, "price": price, "version": self.version}
        self.wake()
        for client, queue in list(self.subscribers.items()):
            try:
                queue.put_nowait(json.dumps(self.latest))
            except asyncio.QueueFull:
                del self.subscribers[client]
                client.transport.abort()  # a close frame would wait behind what the client does not read
        return self.latest

    def wake(self) -> None:
        """Let all requests continue that wait for a publication."""
        self.published.set()
        self.published = asyncio.Event()


symbols: collections.defaultdict[str, Symbol] = collections.defaultdict(Symbol)


def respond(status: HTTPStatus, value: object = None) -> Response:
    """Return an HTTP response with a value as JSON, or without a body."""
    # Access-Control-Allow-Origin: pages from other servers may read the response, too.
    fields = {"Connection": "close", "Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
    body = b""
    if value is not None:  # 204 must not have a Content-Length (RFC 9110, section 8.6)
        body = json.dumps(value).encode()
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    # Each field once: in a dictionary, a new value replaces the old one; in Headers, it would be added.
    return Response(status.value, status.phrase, Headers(fields), body)


def error(status: HTTPStatus, text: str) -> Response:
    """Return an HTTP response that says what is wrong."""
    return respond(status, {"error": text})


async def process_request(client: ServerConnection, request: Request) -> Response | None:
    """Answer an HTTP request. None lets it become a WebSocket connection."""
    path, _, query = request.path.partition("?")
    is_handshake = request.headers.get("Upgrade", "").lower() == "websocket"
    match path.split("/"):
        case ["", "publish"] if is_handshake:
            return None
        case ["", "feed", name] if is_handshake and name:
            return None
        case ["", "price", name] if name and not is_handshake:
            # Decode after splitting: a symbol may contain an encoded character that means something in a path.
            return await answer(unquote(name), parse_qs(query, keep_blank_values=True))
    return error(HTTPStatus.NOT_FOUND, f"there is nothing at {path}")


async def answer(name: str, query: dict[str, list[str]]) -> Response:
    """Answer a request for a symbol's price; with `after` in the query, wait for one that is newer."""
    if "after" in query:
        after, wait = query["after"][0], query.get("wait", [str(WAIT)])[0]
        # float() takes much more than this, such as nan, 1e9 and -1.
        if not re.fullmatch("[0-9]{1,18}", after):
            return error(HTTPStatus.BAD_REQUEST, "after must be a whole number from 0")
        if not re.fullmatch(r"[0-9]{1,18}(\.[0-9]+)?", wait) or float(wait) > LONGEST_WAIT:
            return error(HTTPStatus.BAD_REQUEST, f"wait must be a number from 0 to {LONGEST_WAIT}")
        symbol = symbols[name]  # a new one if nothing was published: there must be something to wait for
        if symbol.version <= int(after):
            with suppress(TimeoutError):
                await asyncio.wait_for(symbol.published.wait(), float(wait))
            if symbol.version <= int(after):
                return respond(HTTPStatus.NO_CONTENT)
    if name not in symbols or symbols[name].version == 0:
        return error(HTTPStatus.NOT_FOUND, f"nothing was published for {name}")
    return respond(HTTPStatus.OK, symbols[name].latest)


async def talk(client: ServerConnection) -> None:
    """Serve one WebSocket client, from the end of its opening handshake until it disconnects."""
    assert client.request is not None
    path = client.request.path.partition("?")[0]
    with suppress(ConnectionClosed):  # the connection was lost: a server must expect that
        if path == "/publish":
            await publish(client)
        else:
            await feed(client, symbols[unquote(path.removeprefix("/feed/"))])


async def publish(client: ServerConnection) -> None:
    """Publish the prices that a client sends, and answer each message."""
    async for message in client:
        try:
            offer = json.loads(message)
            name, price = offer["symbol"], offer["price"]
            if not (isinstance(name, str) and isinstance(price, str)):
                raise TypeError
        except (ValueError, TypeError, KeyError, RecursionError):
            await client.send(json.dumps({"error": 'expected {"symbol": "...", "price": "..."}'}))
        else:
            await client.send(json.dumps(symbols[name].publish(name, price)))


async def feed(client: ServerConnection, symbol: Symbol) -> None:
    """Send a subscriber the latest quote, and then each new one."""
    # send() waits while a client is slow to read, and a publisher must not wait for that. So it only puts
    # the quote into the subscriber's queue, and a task sends what is in there. The queue has a limit,
    # because without one the quotes for a client that has stopped reading would fill the memory.
    queue: asyncio.Queue[str] = asyncio.Queue(MOST_BEHIND)
    if symbol.version:
        queue.put_nowait(json.dumps(symbol.latest))
    symbol.subscribers[client] = queue  # no await since the line above: no quote is missed, and none comes twice
    sender = asyncio.create_task(send_from(queue, client))
    try:
        await client.wait_closed()  # a client that leaves is noticed at once, not at the next publication
    finally:
        symbol.subscribers.pop(client, None)
        sender.cancel()


async def send_from(queue: asyncio.Queue[str], client: ServerConnection) -> None:
    """Send each text that is put into a queue."""
    with suppress(ConnectionClosed):
        while True:
            await client.send(await queue.get())


async def main(port: int) -> None:
    async with serve(
        talk, "127.0.0.1", port,
        process_request=process_request, open_timeout=OPEN_TIMEOUT, close_timeout=CLOSE_TIMEOUT,
    ):  # fmt: skip
        print(f"Started ticker: http://localhost:{port}/price/ACME (Ctrl+C stops it)")
        try:
            await asyncio.Event().wait()  # forever: Ctrl+C cancels it
        finally:
            # When the "async with" block ends, it waits until all requests are answered.
            for symbol in symbols.values():
                symbol.wake()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
    except KeyboardInterrupt:
        print("Ctrl+C: shutting down")
