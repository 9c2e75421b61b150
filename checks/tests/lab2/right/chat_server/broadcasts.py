"""A chat server that sends with broadcast() of websockets."""

import asyncio
import contextlib
import os
import re
import sys

from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed

connected = set()


async def handler(websocket):
    connected.add(websocket)
    print(f"{len(connected)} connected")
    try:
        async for message in websocket:
            if match := re.fullmatch("([^,]*),(.*)", message, re.DOTALL):
                name, text = match.groups()
                print(f"From {name}: {text}")
                broadcast(connected - {websocket}, f"{name} says: {text}")
            else:
                broadcast({websocket}, "ERROR")
    except ConnectionClosed as closed:
        print("A connection broke:", closed)
    finally:
        connected.remove(websocket)
        print(f"{len(connected)} connected")


def leave():
    """Exit at once: websockets may wait much longer for a client that does not read."""
    sys.stdout.flush()
    os._exit(0)


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    async with serve(handler, "localhost", port, close_timeout=1):
        print("Started chat server on port", port)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            asyncio.get_running_loop().call_later(1.5, leave)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
    print("Closed")
