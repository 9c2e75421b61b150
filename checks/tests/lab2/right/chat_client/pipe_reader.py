"""A chat client that reads standard input with connect_read_pipe (not for Windows) and connects at the start."""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException


async def type_in(websocket):
    """Send each typed line, until the end of input."""
    reader = asyncio.StreamReader(limit=1 << 24)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    print("Enter Your Name: ", end="", flush=True)
    name = (await reader.readline()).decode().rstrip("\r\n")
    while True:
        print("Your Message: ", end="", flush=True)
        line = await reader.readline()
        if not line:
            break
        await websocket.send(name + "," + line.decode().rstrip("\r\n"))


async def show(websocket):
    async for message in websocket:
        print("From server:", message, flush=True)


async def main(port):
    try:
        websocket = await connect(f"ws://localhost:{port}/", close_timeout=2)
    except (OSError, WebSocketException) as error:
        print(f"Error: connection to port {port} failed ({type(error).__name__})", file=sys.stderr)
        return 1
    showing = asyncio.create_task(show(websocket))
    typing = asyncio.create_task(type_in(websocket))
    await asyncio.wait({showing, typing}, return_when=asyncio.FIRST_COMPLETED)
    gone = showing.done()
    if not gone:
        await websocket.close()
    typing.cancel()
    trouble = await asyncio.gather(showing, typing, return_exceptions=True)
    if gone or any(isinstance(error, ConnectionClosed) for error in trouble):
        print("Error: the server has closed the connection, code", websocket.close_code, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002)))
