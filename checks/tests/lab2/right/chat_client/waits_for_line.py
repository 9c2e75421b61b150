"""A chat client that reports a lost server at once, but exits only after the user's next line."""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException


async def receive(websocket):
    try:
        async for message in websocket:
            print(f"From server: {message}")
    except ConnectionClosed:
        pass


async def watch(websocket, left):
    """Print each message; report if the connection ends before this client closes it."""
    await receive(websocket)
    if not left.is_set():
        print("Connection to the server is lost. Press Enter to end.", file=sys.stderr)


async def main(port):
    name = await asyncio.to_thread(input, "Enter Your Name: ")
    try:
        websocket = await connect(f"ws://localhost:{port}/", close_timeout=2)
    except (OSError, WebSocketException) as error:
        sys.exit(f"Connecting to port {port} failed: {error}")
    left = asyncio.Event()
    receiver = asyncio.create_task(watch(websocket, left))
    while True:
        try:
            text = await asyncio.to_thread(input, "Your Message: ")
        except EOFError:
            break
        if receiver.done():
            sys.exit(1)
        try:
            await websocket.send(f"{name},{text}")
        except ConnectionClosed:
            await receiver
            sys.exit(1)
    if receiver.done():
        sys.exit(1)
    left.set()
    await websocket.close()
    await receiver


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except EOFError:
        print()
