"""A chat client on websockets.asyncio; input() waits in a daemon thread, which does not delay the exit."""

import asyncio
import os
import sys
import threading

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException


def type_in(loop, lines):
    """Put each typed line into a queue, and None at the end."""
    prompt = "Enter Your Name: "
    try:
        while True:
            line = input(prompt)
            loop.call_soon_threadsafe(lines.put_nowait, line)
            prompt = "Your Message: "
    except EOFError:
        loop.call_soon_threadsafe(lines.put_nowait, None)


async def show(websocket):
    try:
        async for message in websocket:
            print(f"From server: {message}", flush=True)
    except ConnectionClosed:
        pass


async def send(websocket, lines):
    name = await lines.get()
    while name is not None and (line := await lines.get()) is not None:
        await websocket.send(f"{name},{line}")


async def chat(websocket, lines):
    """Return 0 at the end of input, or 1 if the server goes away before that."""
    showing = asyncio.create_task(show(websocket))
    sending = asyncio.create_task(send(websocket, lines))
    await asyncio.wait({showing, sending}, return_when=asyncio.FIRST_COMPLETED)
    if sending.done() and sending.exception() is None and not showing.done():
        await websocket.close()
        return 0
    await showing
    print(f"Server closed the connection ({websocket.close_code})", file=sys.stderr)
    return 1


async def main(port):
    lines = asyncio.Queue()
    try:
        async with connect(f"ws://localhost:{port}/", close_timeout=2) as websocket:
            threading.Thread(target=type_in, args=(asyncio.get_running_loop(), lines), daemon=True).start()
            return await chat(websocket, lines)
    except (OSError, WebSocketException) as error:
        print(f"No server on port {port}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    status = asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
