"""A ticker with Starlette and uvicorn; requests and subscribers wait for the same event of a symbol."""

import asyncio
import json
import sys
from contextlib import nullcontext, suppress

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

NO_STORE = {"cache-control": "no-store"}
websockets = set()
topics = {}


class Topic:
    def __init__(self):
        self.quote = None
        self.version = 0
        self.event = asyncio.Event()
        self.queues = set()


def topic(symbol):
    return topics.setdefault(symbol, Topic())


def error(status, text):
    return JSONResponse({"error": text}, status, NO_STORE)


async def price(request):
    known = topic(request.path_params["symbol"])
    query = request.query_params
    if "after" in query:
        try:
            after, wait = int(query["after"]), float(query.get("wait", 12))
        except ValueError:
            return error(400, "this is no number")
        if after < 0 or not 0 <= wait <= 60:  # a comparison with nan is never true
            return error(400, "this number is not allowed")
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while known.version <= after:
                    await known.event.wait()
        if known.version <= after:
            return Response(status_code=204, headers=NO_STORE)
    return JSONResponse(known.quote, headers=NO_STORE) if known.version else error(404, "no price")


async def nothing(scope, receive, send):
    response = error(404, "nothing is here")
    if scope["type"] == "websocket":
        await receive()
        headers = response.raw_headers
        await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": response.body})
    else:
        await response(scope, receive, send)


async def publish(websocket):
    await websocket.accept()
    websockets.add(websocket)
    try:
        async for text in websocket.iter_text():
            await websocket.send_json(offer(text))
    except WebSocketDisconnect:
        pass
    finally:
        websockets.discard(websocket)


def offer(text):
    try:
        value = json.loads(text)
    except ValueError:
        return {"error": "no JSON"}
    match value:
        case {"symbol": str(symbol), "price": str(price)}:
            known = topic(symbol)
            known.version += 1
            known.quote = {"symbol": symbol, "price": price, "version": known.version}
            known.event.set()
            known.event = asyncio.Event()
            for queue in known.queues:
                queue.put_nowait(json.dumps(known.quote))
            return known.quote
    return {"error": "no symbol, or no price"}


async def feed(websocket):
    known = topic(websocket.path_params["symbol"])
    await websocket.accept()
    websockets.add(websocket)
    queue = asyncio.Queue()
    if known.version:
        queue.put_nowait(json.dumps(known.quote))
    known.queues.add(queue)
    writer = asyncio.create_task(write(websocket, queue))
    try:
        async for _ in websocket.iter_text():
            pass
    finally:
        known.queues.discard(queue)
        websockets.discard(websocket)
        writer.cancel()


async def write(websocket, queue):
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await websocket.send_text(await queue.get())


app = Starlette(
    routes=[
        Route("/price/{symbol}", price),
        WebSocketRoute("/publish", publish),
        WebSocketRoute("/feed/{symbol}", feed),
    ]
)
app.router.redirect_slashes = False
app.router.default = nothing


async def main(port):
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, ws="wsproto", timeout_graceful_shutdown=1, log_level="critical"
    )
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # uvicorn itself would close with code 1012
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        goodbyes = [asyncio.create_task(websocket.close(1001)) for websocket in list(websockets)]
        if goodbyes:
            await asyncio.wait(goodbyes, timeout=0.5)
            await asyncio.sleep(0.2)
        server.should_exit = True
        await serving


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8003))
