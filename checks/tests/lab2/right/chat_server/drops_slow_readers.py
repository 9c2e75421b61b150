"""A chat server that disconnects a client that does not read for four seconds; it also logs to standard error."""

import asyncio
import logging
import os
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

PATIENCE = 4
logging.basicConfig(level=logging.INFO)
members = {}


async def feed(websocket, queue):
    """Send what is in the queue until the client has gone or is too slow."""
    try:
        while True:
            message = await queue.get()
            async with asyncio.timeout(PATIENCE):
                await websocket.send(message)
    except TimeoutError:
        logging.info("%s is too slow, %d messages wait for it", websocket.remote_address, queue.qsize())
        websocket.transport.abort()
    except ConnectionClosed:
        pass


async def chat(websocket):
    queue = asyncio.Queue()
    feeder = asyncio.create_task(feed(websocket, queue))
    members[websocket] = queue
    try:
        while True:
            message = await websocket.recv()
            if "," in message:
                name, text = message.split(",", maxsplit=1)
                print("From ", name, ": ", text, sep="")
                for member in members.keys() - {websocket}:
                    members[member].put_nowait(name + " says: " + text)
            else:
                queue.put_nowait("ERROR no comma")
    except ConnectionClosed as closed:
        logging.info("%s has left: %s", websocket.remote_address, closed)
    finally:
        members.pop(websocket)
        feeder.cancel()


def leave():
    """Exit at once: websockets may wait much longer for a client that does not read."""
    sys.stdout.flush()
    os._exit(0)


async def main(port):
    async with serve(chat, "127.0.0.1", port, close_timeout=1):
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            asyncio.get_running_loop().call_later(1.5, leave)


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        logging.info("Ctrl+C pressed")
