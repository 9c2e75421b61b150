"""An echo server that offers no compression and sends no pings; a separate task sends the answers, in order."""

import asyncio
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def answer(websocket, questions):
    while (question := await questions.get()) is not None:
        try:
            await websocket.send(f"ECHO! {question}")
        except ConnectionClosed:
            return
        print(f"To client: ECHO! {question}")


async def handle(websocket):
    questions = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        group.create_task(answer(websocket, questions))
        try:
            async for message in websocket:
                print(f"From client: {message}")
                questions.put_nowait(message)
        except ConnectionClosed:
            pass
        questions.put_nowait(None)


async def main(port):
    options = {"compression": None, "ping_interval": None, "close_timeout": 1, "server_header": None}
    async with serve(handle, "127.0.0.1", port, **options) as server:
        print(f"Started echo server on port {port}")
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        print("Shutting down")
