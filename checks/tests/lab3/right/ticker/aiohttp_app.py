"""A ticker with aiohttp: a future for each request that waits."""

import asyncio
import json
import sys
from collections import defaultdict

from aiohttp import WSCloseCode, WSMsgType, web

NO_STORE = {"Cache-Control": "no-store"}
quotes = {}
futures = defaultdict(set)
feeds = defaultdict(dict)
websockets = set()


def error(status, text):
    return web.json_response({"error": text}, status=status, headers=NO_STORE)


@web.middleware
async def errors_as_json(request, handler):
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return error(404, "there is nothing at this path")


async def price(request):
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return error(404, "no WebSocket here")
    symbol, query = request.match_info["symbol"], request.query
    quote = quotes.get(symbol)
    if "after" in query:
        after, wait = query["after"], query.get("wait", "12")
        if not after.isdigit():
            return error(400, "after")
        if not wait.replace(".", "", 1).isdigit() or float(wait) > 60:
            return error(400, "wait")
        if quote is None or quote["version"] <= int(after):
            future = asyncio.get_running_loop().create_future()
            futures[symbol].add(future)
            try:
                quote = await asyncio.wait_for(future, float(wait))
            except TimeoutError:
                return web.Response(status=204, headers=NO_STORE)
            finally:
                futures[symbol].discard(future)
    return error(404, "never published") if quote is None else web.json_response(quote, headers=NO_STORE)


async def open_websocket(request):
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise web.HTTPNotFound
    websocket = web.WebSocketResponse(timeout=1, compress=False)
    await websocket.prepare(request)
    websockets.add(websocket)
    return websocket


async def publish(request):
    websocket = await open_websocket(request)
    async for message in websocket:
        if message.type is WSMsgType.TEXT:
            await websocket.send_json(new_quote(message.data))
    websockets.discard(websocket)
    return websocket


def new_quote(text):
    try:
        offer = json.loads(text)
        symbol, price = offer["symbol"], offer["price"]
        assert isinstance(symbol, str)
        assert isinstance(price, str)
    except (ValueError, KeyError, TypeError, AssertionError) as failure:
        return {"error": f"{type(failure).__name__}: a symbol and a price, please"}
    version = quotes[symbol]["version"] + 1 if symbol in quotes else 1
    quote = quotes[symbol] = {"symbol": symbol, "price": price, "version": version}
    for future in futures.pop(symbol, ()):
        if not future.done():
            future.set_result(quote)
    for websocket, queue in list(feeds[symbol].items()):
        if queue.qsize() < 40:
            queue.put_nowait(json.dumps(quote))
        else:
            feeds[symbol].pop(websocket)
            websocket._req.transport.abort()
    return quote


async def write(websocket, queue):
    try:
        while True:
            await websocket.send_str(await queue.get())
    except ConnectionError:
        pass


async def feed(request):
    symbol = request.match_info["symbol"]
    websocket = await open_websocket(request)
    queue = feeds[symbol][websocket] = asyncio.Queue()
    if symbol in quotes:
        queue.put_nowait(json.dumps(quotes[symbol]))
    writer = asyncio.create_task(write(websocket, queue))
    try:
        async for _ in websocket:
            pass
    finally:
        feeds[symbol].pop(websocket, None)
        websockets.discard(websocket)
        writer.cancel()
    return websocket


async def main(port):
    app = web.Application(middlewares=[errors_as_json])
    app.add_routes([web.get("/publish", publish), web.get("/feed/{symbol}", feed), web.get("/price/{symbol}", price)])
    runner = web.AppRunner(app, shutdown_timeout=0.5, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        await asyncio.Event().wait()
    finally:
        goodbyes = [websocket.close(code=WSCloseCode.GOING_AWAY, drain=False) for websocket in websockets]
        await asyncio.gather(*goodbyes, return_exceptions=True)
        await runner.cleanup()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8003))
    except KeyboardInterrupt:
        print("aiohttp stops")
