"""A chat server on websockets.asyncio with a queue and a sending task for each client."""

import asyncio
import os
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

queues = {}


async def write(websocket, queue):
    try:
        while True:
            await websocket.send(await queue.get())
    except ConnectionClosed:
        pass


async def chat(websocket):
    queue = queues[websocket] = asyncio.Queue()
    writer = asyncio.create_task(write(websocket, queue))
    try:
        async for message in websocket:
            name, comma, text = message.partition(",")
            if not comma:
                queue.put_nowait("ERROR: please send NAME,TEXT")
                continue
            print(f"From {name}: {text}")
            for other, others_queue in queues.items():
                if other is not websocket:
                    others_queue.put_nowait(f"{name} says: {text}")
    except ConnectionClosed:
        pass
    finally:
        del queues[websocket]
        writer.cancel()


def leave():
    """Exit at once: websockets may wait much longer for a client that does not read."""
    sys.stdout.flush()
    os._exit(0)


async def main(port):
    async with serve(chat, "127.0.0.1", port, close_timeout=1):
        print(f"Chat server on port {port}")
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            asyncio.get_running_loop().call_later(1.5, leave)


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        print("Shutting down")
