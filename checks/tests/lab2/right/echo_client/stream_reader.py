"""An echo client that reads standard input with an asyncio StreamReader (not for Windows) and receives in a task."""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException


async def open_stdin():
    reader = asyncio.StreamReader(limit=1 << 24)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    return reader


async def receive(websocket, answers):
    """Put each message into a queue, and None at the end."""
    try:
        async for message in websocket:
            answers.put_nowait(message)
    except ConnectionClosed:
        pass
    answers.put_nowait(None)


async def main(port):
    try:
        websocket = await connect(f"ws://localhost:{port}/", close_timeout=2)
    except (OSError, WebSocketException) as error:
        print(f"connect to port {port}: {error}", file=sys.stderr)
        return 1
    stdin = await open_stdin()
    answers = asyncio.Queue()
    receiver = asyncio.create_task(receive(websocket, answers))
    while True:
        sys.stdout.write("Enter some data: ")
        sys.stdout.flush()
        line = await stdin.readline()
        if not line:
            break
        text = line.decode().removesuffix("\n")
        try:
            await websocket.send(text)
            print(f"To server: {text}")
        except ConnectionClosed:
            pass
        answer = await answers.get()
        if answer is None:
            print(f"closed by the server, code {websocket.close_code}", file=sys.stderr)
            return 1
        print(f"From server: {answer}")
    await websocket.close()
    await receiver
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002)))
