"""An echo server with Starlette and uvicorn."""

import asyncio
import sys
from contextlib import nullcontext

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect

LIMIT = 1 << 20
clients = set()


async def echo(websocket):
    await websocket.accept()
    clients.add(websocket)
    try:
        while True:
            message = await websocket.receive_text()
            if len(message) > LIMIT:
                await websocket.close(1009, "too long")
                break
            print(f"From client: {message}")
            await websocket.send_text(f"ECHO! {message}")
            print(f"To client: ECHO! {message}")
    except WebSocketDisconnect as left:
        print("A client has left, code", left.code)
    finally:
        clients.discard(websocket)


async def main(port):
    app = Starlette(routes=[WebSocketRoute("/", echo)])
    config = uvicorn.Config(app, host="127.0.0.1", port=port, ws_max_size=64 << 20, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # uvicorn itself would close with code 1012
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        goodbyes = [asyncio.create_task(websocket.close(1001, "going away")) for websocket in clients]
        if goodbyes:
            await asyncio.wait(goodbyes, timeout=0.5)
            await asyncio.sleep(0.2)
        server.should_exit = True
        await serving


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    print("Shut down")
