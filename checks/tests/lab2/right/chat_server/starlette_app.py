"""A chat server with Starlette and uvicorn, WebSockets by wsproto."""

import asyncio
import sys
from contextlib import nullcontext

import uvicorn
from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect

clients = {}


async def write(websocket, queue):
    try:
        while True:
            await websocket.send_text(await queue.get())
    except (WebSocketDisconnect, RuntimeError):  # it has left, or the server has closed it
        pass


class Chat(WebSocketEndpoint):
    encoding = "text"

    async def on_connect(self, websocket):
        await websocket.accept()
        self.queue = asyncio.Queue()
        self.writer = asyncio.create_task(write(websocket, self.queue))
        clients[websocket] = self.queue

    async def on_receive(self, websocket, message):
        name, comma, text = message.partition(",")
        if comma:
            print(f"From {name}: {text}")
            for other in clients:
                if other is not websocket:
                    clients[other].put_nowait(f"{name} says: {text}")
        else:
            self.queue.put_nowait("ERROR: no comma")

    async def on_disconnect(self, websocket, close_code):
        clients.pop(websocket, None)
        self.writer.cancel()


async def main(port):
    app = Starlette(routes=[WebSocketRoute("/", Chat)])
    config = uvicorn.Config(app, host="127.0.0.1", port=port, ws="wsproto", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # uvicorn itself would close with code 1012
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        goodbyes = [asyncio.create_task(websocket.close(1001)) for websocket in list(clients)]
        if goodbyes:
            await asyncio.wait(goodbyes, timeout=0.5)
            await asyncio.sleep(0.2)
        server.should_exit = True
        await serving


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
