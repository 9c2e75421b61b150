"""A ticker on websockets.sync: threads, and a queue for all that wait for a symbol, requests and subscribers."""

import json
import os
import re
import sys
import threading
from contextlib import suppress
from queue import Empty, Full, Queue
from urllib.parse import parse_qs, unquote

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.sync.server import serve

lock = threading.Lock()
quotes = {}
queues = {}


def respond(status, reason, value=None):
    headers = Headers({"Connection": "close", "Cache-Control": "no-store"})
    if value is None:
        return Response(status, reason, headers)
    body = json.dumps(value).encode()
    headers["Content-Type"], headers["Content-Length"] = "application/json", str(len(body))
    return Response(status, reason, headers, body)


def process_request(connection, request):
    path, _, query = request.path.partition("?")
    is_websocket = request.headers.get("Upgrade", "").lower() == "websocket"
    if is_websocket and re.fullmatch("/publish|/feed/[^/]+", path):
        return None
    found = re.fullmatch("/price/([^/]+)", path)
    if is_websocket or not found:
        return respond(404, "Not Found", {"error": "no such path"})
    return price(unquote(found[1]), parse_qs(query, keep_blank_values=True))


def price(symbol, query):
    after, wait = query.get("after"), query.get("wait", ["12"])
    if after is None:
        with lock:
            quote = quotes.get(symbol)
        return respond(200, "OK", quote) if quote else respond(404, "Not Found", {"error": f"no price of {symbol}"})
    if not re.fullmatch("[0-9]+", after[0]) or not re.fullmatch(r"[0-9]*\.?[0-9]+", wait[0]) or float(wait[0]) > 60:
        return respond(400, "Bad Request", {"error": "numbers, please"})
    mine = Queue(1)
    with lock:
        quote = quotes.get(symbol)
        if quote and quote["version"] > int(after[0]):
            return respond(200, "OK", quote)
        queues.setdefault(symbol, []).append(mine)
    try:
        return respond(200, "OK", mine.get(timeout=float(wait[0])) if float(wait[0]) else mine.get_nowait())
    except Empty:
        return respond(204, "No Content")
    finally:
        with lock:
            queues[symbol].remove(mine)


def handle(connection):
    path = connection.request.path.partition("?")[0]
    with suppress(ConnectionClosed):
        if path == "/publish":
            for message in connection:
                connection.send(json.dumps(publish(message)))
        else:
            feed(connection, unquote(path.removeprefix("/feed/")))


def publish(message):
    try:
        match json.loads(message):
            case {"symbol": str(symbol), "price": str(price)}:
                with lock:
                    version = quotes.get(symbol, {"version": 0})["version"] + 1
                    quotes[symbol] = {"symbol": symbol, "price": price, "version": version}
                    for queue in queues.get(symbol, []):
                        with suppress(Full):  # a request has its answer, and a slow subscriber is noticed below
                            queue.put_nowait(quotes[symbol])
                    return quotes[symbol]
    except ValueError:
        pass
    return {"error": "this is not what I expect"}


def feed(connection, symbol):
    queue = Queue(25)
    with lock:
        if symbol in quotes:
            queue.put(quotes[symbol])
        queues.setdefault(symbol, []).append(queue)
    threading.Thread(target=write, args=(connection, queue), daemon=True).start()
    try:
        for _ in connection:
            pass
    finally:
        with lock:
            queues[symbol].remove(queue)
        with suppress(Full):
            queue.put_nowait(None)


def write(connection, queue):
    version = None
    with suppress(ConnectionClosed):
        while (quote := queue.get()) is not None:
            if version is not None and quote["version"] != version + 1:
                connection.close(1008, "too slow")
                return
            connection.send(json.dumps(quote))
            version = quote["version"]


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8003
    server = serve(handle, "127.0.0.1", port, process_request=process_request, open_timeout=90, close_timeout=1)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        goodbye = threading.Thread(target=server.shutdown, daemon=True)
        goodbye.start()
        goodbye.join(2)
        os._exit(0)  # the requests that wait keep their threads


if __name__ == "__main__":
    main()
