"""A price ticker that gives the same prices in three ways: polling, long polling and push.

Publishers connect a WebSocket to /publish. Everybody else asks for /price/SYMBOL over HTTP, once or
with ?after=VERSION to wait for the next price, or connects a WebSocket to /feed/SYMBOL.

Usage: python ticker.py [PORT]
"""

import asyncio
import json
import re
import sys
from collections import defaultdict
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

PORT = 8003
WAIT = 12  # seconds that a request waits if it does not say for how long
LONGEST_WAIT = 60
HANDSHAKE = LONGEST_WAIT + 10  # seconds; websockets gives up a request that is not answered by then
MOST_BEHIND = 50  # quotes that wait for a slow subscriber; then it is disconnected
CLOSE_TIMEOUT = 1  # seconds that a client has to answer a close frame


class Symbol:
    """What is known about one symbol: its latest quote, and who waits for the next one."""

    def __init__(self) -> None:
        self.latest: dict[str, object] = {}
        self.version = 0
        self.published = asyncio.Event()  # set at the next publication, and then replaced
        self.subscribers: set[asyncio.Queue[str]] = set()

    def publish(self, name: str, price: str) -> dict[str, object]:
        """Make a new quote, and give it to everybody who waits for it."""
        # There is no await in this method, so no other publisher can get the same version.
        self.version += 1
        self.latest = {"symbol": name, "price": price, "version": self.version}
        self.wake()
        for queue in list(self.subscribers):
            try:
                queue.put_nowait(json.dumps(self.latest))
            except asyncio.QueueFull:
                self.subscribers.discard(queue)
                queue.get_nowait()  # to make room for the news that it is over
                queue.put_nowait("")
        return self.latest

    def wake(self) -> None:
        """Let the requests that wait for a publication go on."""
        self.published.set()
        self.published = asyncio.Event()


symbols: defaultdict[str, Symbol] = defaultdict(Symbol)


# --- HTTP ---


def answer(status: HTTPStatus, value: object = None) -> Response:
    """Return an answer with a value as JSON, or without a body."""
    headers = Headers({"Cache-Control": "no-store", "Connection": "close"})
    if value is None:
        return Response(status.value, status.phrase, headers)  # 204 has no Content-Length (RFC 9110, 8.6)
    body = json.dumps(value).encode()
    headers["Content-Type"] = "application/json"
    headers["Content-Length"] = str(len(body))
    return Response(status.value, status.phrase, headers, body)


def error(status: HTTPStatus, text: str) -> Response:
    """Return an answer that says what is wrong."""
    return answer(status, {"error": text})


async def process_request(client: ServerConnection, request: Request) -> Response | None:
    """Answer an HTTP request. None lets it become a WebSocket connection."""
    path, _, query = request.path.partition("?")
    is_handshake = request.headers.get("Upgrade", "").lower() == "websocket"
    match path.split("/"):
        case ["", "publish"] if is_handshake:
            return None
        case ["", "feed", name] if is_handshake and name:
            return None
        case ["", "price", name] if not is_handshake and name:
            return await price(unquote(name), parse_qs(query, keep_blank_values=True))
    return error(HTTPStatus.NOT_FOUND, "there is /price/SYMBOL; and /publish and /feed/SYMBOL for WebSockets")


async def price(name: str, query: dict[str, list[str]]) -> Response:
    """Answer with the latest quote of a symbol; with `after`, wait for a later one."""
    if "after" in query:
        after, wait = query["after"][-1], query.get("wait", [str(WAIT)])[-1]
        if not re.fullmatch("[0-9]{1,18}", after):
            return error(HTTPStatus.BAD_REQUEST, "after must be a whole number from 0 on")
        if not re.fullmatch(r"[0-9]{1,18}(\.[0-9]+)?", wait) or float(wait) > LONGEST_WAIT:
            return error(HTTPStatus.BAD_REQUEST, f"wait must be a number from 0 to {LONGEST_WAIT}")
        symbol = symbols[name]
        if symbol.version <= int(after):
            # What is published while nobody waits is not lost: the next request names its own version.
            with suppress(TimeoutError):
                await asyncio.wait_for(symbol.published.wait(), float(wait))
            if symbol.version <= int(after):
                return answer(HTTPStatus.NO_CONTENT)
    elif name not in symbols or not symbols[name].version:
        return error(HTTPStatus.NOT_FOUND, f"nothing was published for {name}")
    return answer(HTTPStatus.OK, symbols[name].latest)


# --- WebSocket ---


async def talk(client: ServerConnection) -> None:
    """Serve a WebSocket client, from the end of its opening handshake until it disconnects."""
    assert client.request is not None
    path = client.request.path.partition("?")[0]
    with suppress(ConnectionClosed):  # the connection was lost: a server must expect that
        if path == "/publish":
            await publish(client)
        else:
            await feed(client, symbols[unquote(path.removeprefix("/feed/"))])


async def publish(client: ServerConnection) -> None:
    """Publish what a client sends, and answer each message."""
    async for message in client:
        try:
            wanted = json.loads(message)
            name, text = wanted["symbol"], wanted["price"]
            if not (isinstance(name, str) and isinstance(text, str)):
                raise TypeError
        except (ValueError, TypeError, KeyError, RecursionError):
            await client.send(json.dumps({"error": 'expected {"symbol": "...", "price": "..."}'}))
            continue
        await client.send(json.dumps(symbols[name].publish(name, text)))


async def feed(client: ServerConnection, symbol: Symbol) -> None:
    """Send a subscriber the latest quote, and then every further one."""
    # A subscriber that reads slowly holds up nobody: the publisher only puts the quote into a queue. A
    # queue without a limit would grow for as long as somebody does not read.
    queue: asyncio.Queue[str] = asyncio.Queue(MOST_BEHIND)
    if symbol.latest:
        queue.put_nowait(json.dumps(symbol.latest))
    symbol.subscribers.add(queue)
    sender = asyncio.create_task(send_from(queue, client))
    try:
        await client.wait_closed()  # without this, who leaves would be noticed only at the next publication
    finally:
        symbol.subscribers.discard(queue)
        sender.cancel()


async def send_from(queue: asyncio.Queue[str], client: ServerConnection) -> None:
    """Send what comes out of a queue; an empty text ends the connection."""
    with suppress(ConnectionClosed):
        while text := await queue.get():
            await client.send(text)
        client.transport.abort()  # a close frame would wait behind what the client does not read


async def main(port: int) -> None:
    async with serve(
        talk, "127.0.0.1", port,
        process_request=process_request, open_timeout=HANDSHAKE, close_timeout=CLOSE_TIMEOUT,
    ):  # fmt: skip
        print(f"Started ticker: http://localhost:{port}/price/ACME (Ctrl+C stops it)")
        try:
            await asyncio.Event().wait()  # forever: Ctrl+C cancels it
        finally:
            # At its end, the `with` block waits for every request that is not answered yet.
            for symbol in symbols.values():
                symbol.wake()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
    except KeyboardInterrupt:
        print("Ctrl+C: shutting down")
