"""A price ticker: it gives the same prices by polling, by long polling and by push.

Publishers connect a WebSocket to /publish. All other clients ask for /price/SYMBOL over HTTP, or for
/price/SYMBOL?after=VERSION to wait for the next price, or connect a WebSocket to /feed/SYMBOL.

Usage: python ticker.py [PORT]

It runs as it is: clients can publish and poll. It behaves incorrectly where there is a TODO. The lab
sheet (README.md) explains each step; `labcheck lab3` shows which requirements already pass.
"""

import asyncio
import json
import sys
from http import HTTPStatus
from urllib.parse import parse_qs

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

PORT = 8003
WAIT = 12  # seconds that a request waits if it does not say how long
LONGEST_WAIT = 60  # seconds
# The library gives up a request that is not answered within open_timeout, usually after 10 seconds.
OPEN_TIMEOUT = LONGEST_WAIT + 10
CLOSE_TIMEOUT = 1  # seconds that a client has to answer a close frame


class Symbol:
    """What is known about one symbol: its latest quote, and the clients that want the next one."""

    def __init__(self) -> None:
        self.version = 0  # nothing was published
        self.latest: dict[str, object] = {}

    def publish(self, name: str, price: str) -> dict[str, object]:
        """Make a new quote, hand it to all clients that want it, and return it."""
        self.version += 1
        self.latest = {"symbol": name, "price": price, "version": self.version}
        # TODO 3.5: let all requests continue that wait for this symbol.
        #   Given:  asyncio.Event: set() wakes all coroutines that wait in its wait().
        #   Done:   `labcheck lab3 --only 3.5`; by hand: two curl that wait, and publish.py in the sheet.
        # TODO 4.3: hand the quote to all subscribers of this symbol.
        # TODO 4.4: do not wait for a subscriber that is slow to read, and do not keep quotes for it without limit.
        #   Given:  asyncio.Queue(50) and its put_nowait(), which raises asyncio.QueueFull;
        #           client.transport.abort() disconnects a client at once.
        #   Done:   `labcheck lab3 --only 4.4`; by hand: deaf.py in the sheet.
        return self.latest


symbols: dict[str, Symbol] = {}


def respond(status: HTTPStatus, value: object = None) -> Response:
    """Return an HTTP response with a value as JSON, or without a body."""
    # TODO 2.3: forbid caches to store the response.
    #   Given:  fields, the header fields of the response.
    #   Done:   `labcheck lab3 --only 2.3`; by hand: curl -i http://localhost:8003/price/ACME
    # Access-Control-Allow-Origin: pages from other servers may read the response, too.
    fields = {"Connection": "close", "Access-Control-Allow-Origin": "*"}
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
    # TODO 4.5: refuse a WebSocket with 404, except at /publish and /feed/SYMBOL.
    #   Given:  error(); the `case` below is for GET /price/SYMBOL.
    #   Done:   `python -m websockets ws://localhost:8003/price/ACME` reports HTTP 404.
    if is_handshake:
        return None
    match path.split("/"):
        # TODO 2.4: decode the symbol: /price/caf%C3%A9 asks for café.
        #   Given:  urllib.parse.unquote(). Decode the symbol, not the whole path.
        #   Done:   `labcheck lab3 --only 2.4`
        case ["", "price", name] if name:
            return await answer(name, parse_qs(query, keep_blank_values=True))
    return error(HTTPStatus.NOT_FOUND, f"there is nothing at {path}")


async def answer(name: str, query: dict[str, list[str]]) -> Response:
    """Answer a request for a symbol's price; with `after` in the query, wait for one that is newer."""
    # TODO 3.2: if the query has `after`, and the latest version is not above it, wait for the next one.
    #   Given:  query["after"][0], a text. OPEN_TIMEOUT is long enough for the longest wait.
    #   Done:   `labcheck lab3 --only 3.2`; by hand: curl 'http://localhost:8003/price/ACME?after=1'
    # TODO 3.3: answer 204 without a body if nothing was published within `wait` seconds (WAIT if left out).
    #   Given:  asyncio.wait_for(), which raises TimeoutError; respond(HTTPStatus.NO_CONTENT)
    #   Done:   curl -i 'http://localhost:8003/price/ACME?after=1&wait=2'
    # TODO 3.4: wait also for a symbol that is not in `symbols` yet.
    #   Done:   the same with a new symbol and after=0; a GET of this symbol is still answered with 404.
    # TODO 3.6: a client may go away while it waits. Do not let that disturb another one.
    #   Done:   press Ctrl+C in a curl that waits, and publish.
    # TODO 3.7: answer 400 with an error to an `after` or a `wait` that is not a number as the sheet asks for.
    #   Done:   curl -i 'http://localhost:8003/price/ACME?after=0&wait=nan'
    if name not in symbols or symbols[name].version == 0:
        return error(HTTPStatus.NOT_FOUND, f"nothing was published for {name}")
    return respond(HTTPStatus.OK, symbols[name].latest)


async def talk(client: ServerConnection) -> None:
    """Serve one WebSocket client, from the end of its opening handshake until it disconnects."""
    assert client.request is not None
    path = client.request.path.partition("?")[0]
    if path == "/publish":
        await publish(client)
    else:
        await feed(client, path.removeprefix("/feed/"))


async def publish(client: ServerConnection) -> None:
    """Publish the prices that a client sends, and answer each message."""
    async for message in client:
        # TODO 1.3: answer a message that is not as expected with {"error": "..."}, and continue.
        #   Given:  json.loads() raises ValueError; it may also return a list, a number, or None.
        #   Done:   send `hello` with `python -m websockets ws://localhost:8003/publish`.
        offer = json.loads(message)
        name, price = offer["symbol"], offer["price"]
        quote = symbols.setdefault(name, Symbol()).publish(name, price)
        await client.send(json.dumps(quote))


async def feed(client: ServerConnection, name: str) -> None:
    """Send a subscriber the latest quote, and then each new one."""
    # TODO 4.1: first send the latest quote, if there is one.
    #   Done:   `python -m websockets ws://localhost:8003/feed/ACME` shows it.
    # TODO 4.2: then send each new quote, in order. The symbol is percent-decoded.
    #   Given:  asyncio.create_task() runs a coroutine of yours alongside this one.
    #   Done:   the same, and publish.py in the sheet.
    # TODO 4.6: forget a subscriber that leaves, normally or not, without a traceback.
    #   Given:  a `finally:` block; websockets.exceptions.ConnectionClosed, which send() raises.
    await client.wait_closed()


async def main(port: int) -> None:
    async with serve(
        talk, "127.0.0.1", port,
        process_request=process_request, open_timeout=OPEN_TIMEOUT, close_timeout=CLOSE_TIMEOUT,
    ):  # fmt: skip
        print(f"Started ticker: http://localhost:{port}/price/ACME (Ctrl+C stops it)")
        await asyncio.Event().wait()  # forever: Ctrl+C cancels it


if __name__ == "__main__":
    # TODO 1.5: exit on Ctrl+C with status 0 and without a traceback; from step 3 on, also while requests wait.
    #   Given:  on Ctrl+C, asyncio.run() ends main(), and then raises KeyboardInterrupt.
    #   Done:   press Ctrl+C, then type `echo $?` (PowerShell: `echo $LASTEXITCODE`): no traceback, and 0.
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
