"""An echo server that sends each answer as a message of several frames, some of them empty."""

import asyncio
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

PIECE = 30_000


def pieces(message):
    """Yield the answer in pieces."""
    yield "ECHO!"
    yield " "
    yield ""
    yield message[:1]
    for start in range(1, len(message), PIECE):
        yield message[start : start + PIECE]


async def echo(websocket):
    try:
        async for message in websocket:
            print(f"From client: {message}")
            await websocket.send(pieces(message))
            print(f"To client: ECHO! {message}")
    except ConnectionClosed:
        pass


async def main(port):
    async with serve(echo, "127.0.0.1", port, close_timeout=1) as server:
        print("Started on port", port)
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        print("Goodbye")
