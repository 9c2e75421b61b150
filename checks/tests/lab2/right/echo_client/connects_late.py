"""An echo client that connects when the first line is typed."""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PROMPT = "Enter some data: "


async def exchange(websocket, line):
    print("To server:", line)
    await websocket.send(line)
    print("From server:", await websocket.recv())


async def main(port):
    try:
        line = input(PROMPT)
    except EOFError:
        return 0
    try:
        async with connect(f"ws://localhost:{port}/", open_timeout=5, close_timeout=2) as websocket:
            while True:
                await exchange(websocket, line)
                try:
                    line = await asyncio.to_thread(input, PROMPT)
                except EOFError:
                    return 0
    except (OSError, WebSocketException) as error:
        print(f"Error with port {port}: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002)))
