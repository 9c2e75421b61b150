"""An echo server that listens only on ::1."""

import asyncio
import contextlib
import sys

import websockets
from websockets.asyncio.server import serve


async def echo(websocket):
    with contextlib.suppress(websockets.ConnectionClosed):
        async for message in websocket:
            print("From client:", message)
            await websocket.send("ECHO! " + message)
            print("To client:", "ECHO! " + message)


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    async with serve(echo, "::1", port, close_timeout=1):
        print(f"Listening on [::1]:{port}")
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
