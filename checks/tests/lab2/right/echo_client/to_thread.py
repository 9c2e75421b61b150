"""An echo client on websockets.asyncio that calls input() in a thread and can answer pings while it waits."""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException


async def talk(websocket):
    while True:
        try:
            line = await asyncio.to_thread(input, "Enter some data: ")
        except EOFError:
            return
        await websocket.send(line)
        print(f"To server: {line}")
        answer = await websocket.recv()
        print(f"From server: {answer}")


async def main(port):
    try:
        async with connect(f"ws://localhost:{port}/", close_timeout=2) as websocket:
            await talk(websocket)
    except ConnectionClosed as closed:
        sys.exit(f"The server closed the connection: {closed}")
    except (OSError, WebSocketException) as error:
        sys.exit(f"No connection to port {port}: {error}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
