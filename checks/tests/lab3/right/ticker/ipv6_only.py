"""A ticker on ::1, with `websockets`: requests look at a list of all quotes, and a task for each send."""

import asyncio
import json
import re
import sys
import urllib.parse

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response

prices = {}
changes = {}
members = {}


def response(status, value):
    headers = Headers({"Cache-Control": "max-age=0, no-store"})
    if status != 204:
        headers["Content-Type"] = "Application/JSON;charset=UTF-8"
    body = json.dumps(value).encode() if status != 204 else b""
    headers["Connection"] = "close"
    return Response(status, "", headers, body)


async def http(connection, request):
    path, _, query = request.path.partition("?")
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return None if re.fullmatch("/publish|/feed/[^/]+", path) else response(404, {"error": "not here"})
    if not re.fullmatch("/price/[^/]+", path):
        return response(404, {"error": "not here"})
    symbol = urllib.parse.unquote(path.split("/")[2])
    wanted = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    if "after" in wanted:
        try:
            after = int(wanted["after"])
            wait = float(wanted.get("wait", 12))
        except ValueError:
            return response(400, {"error": "no number"})
        if not (after >= 0 and 0 <= wait <= 60):
            return response(400, {"error": "wrong number"})
        end = asyncio.get_running_loop().time() + wait
        while len(prices.get(symbol, ())) <= after:
            change = changes.setdefault(symbol, asyncio.get_running_loop().create_future())
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                return response(204, None)
            await asyncio.wait([change], timeout=left)
            if change.cancelled():
                return response(503, {"error": "the server stops"})
    if symbol not in prices:
        return response(404, {"error": "not yet"})
    return response(200, latest(symbol))


def latest(symbol):
    return {"price": prices[symbol][-1], "version": len(prices[symbol]), "symbol": symbol}


async def websocket(connection):
    path = connection.request.path.partition("?")[0]
    try:
        if path == "/publish":
            async for message in connection:
                await connection.send(json.dumps(publish(message)))
        else:
            await subscribe(connection, urllib.parse.unquote(path[6:]))
    except ConnectionClosed:
        pass


def publish(message):
    try:
        offer = json.loads(message)
    except ValueError:
        return {"error": "no JSON"}
    is_object = isinstance(offer, dict) and "symbol" in offer and "price" in offer
    if not is_object or not isinstance(offer["symbol"], str) or not isinstance(offer["price"], str):
        return {"error": "a symbol and a price are missing"}
    symbol = offer["symbol"]
    prices.setdefault(symbol, []).append(offer["price"])
    if symbol in changes:
        changes.pop(symbol).set_result(None)
    for texts, news in members.get(symbol, {}).values():
        texts.append(json.dumps(latest(symbol)))
        news.set()
    return latest(symbol)


async def subscribe(connection, symbol):
    texts, news = [], asyncio.Event()
    if symbol in prices:
        texts.append(json.dumps(latest(symbol)))
    members.setdefault(symbol, {})[connection] = texts, news
    closed = asyncio.create_task(connection.wait_closed())
    try:
        while not closed.done():
            while texts:
                await connection.send(texts.pop(0))
            news.clear()
            waiting = asyncio.create_task(news.wait())
            await asyncio.wait([waiting, closed], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
    finally:
        del members[symbol][connection]
        closed.cancel()


async def main(port):
    server = await serve(websocket, "::1", port, process_request=http, open_timeout=None, close_timeout=0.5)
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        for change in changes.values():
            change.cancel()
        server.close()
        await server.wait_closed()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8003))
    except KeyboardInterrupt:
        print("bye")
