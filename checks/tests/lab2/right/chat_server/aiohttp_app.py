"""A chat server with aiohttp."""

import asyncio
import sys

from aiohttp import WSCloseCode, WSMsgType, web

clients = {}


async def write(websocket, queue):
    try:
        while True:
            await websocket.send_str(await queue.get())
    except ConnectionError:
        pass


async def chat(request):
    websocket = web.WebSocketResponse(timeout=1)
    await websocket.prepare(request)
    queue = clients[websocket] = asyncio.Queue()
    writer = asyncio.create_task(write(websocket, queue))
    try:
        async for message in websocket:
            if message.type is not WSMsgType.TEXT:
                break
            name, comma, text = message.data.partition(",")
            if not comma:
                queue.put_nowait("ERROR: NAME,TEXT, please")
                continue
            print(f"From {name}: {text}")
            for other in clients:
                if other is not websocket:
                    clients[other].put_nowait(f"{name} says: {text}")
    finally:
        del clients[websocket]
        writer.cancel()
    return websocket


async def main(port):
    app = web.Application()
    app.add_routes([web.get("/", chat)])
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("aiohttp serves port", port)
    try:
        await asyncio.Event().wait()
    finally:
        goodbyes = [websocket.close(code=WSCloseCode.GOING_AWAY, drain=False) for websocket in clients]
        await asyncio.gather(*goodbyes, return_exceptions=True)
        await runner.cleanup()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        print("aiohttp stops")
