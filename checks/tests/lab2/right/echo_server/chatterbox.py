"""An echo server that prints many extra lines, and prints `To client: ` before it sends."""

import asyncio
import sys
import time

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

count = 0


def debug(*words):
    print(f"[DEBUG {time.perf_counter():.6f}]", *words)


async def echo(websocket):
    global count
    print()
    print("*" * 40)
    debug("new client", websocket.remote_address, "with", dict(websocket.request.headers))
    try:
        async for message in websocket:
            count += 1
            debug("message no.", count, "of type", type(message), "and length", len(message))
            debug("first characters:", ascii(message[:20]))
            print(f"From client: {message}")
            answer = f"ECHO! {message}"
            debug("let us answer it")
            print(f"To client: {answer}")
            await websocket.send(answer)
            debug("sent")
            debug("waiting for the next one ...")
    except ConnectionClosed as closed:
        debug("oh,", closed)
    finally:
        debug("client has gone", websocket.remote_address, "code", websocket.close_code)
        print("-" * 40)
        print("Something went well", file=sys.stderr)


async def main(port):
    debug("Python", sys.version)
    async with serve(echo, "127.0.0.1", port, close_timeout=1) as server:
        debug("listening", server.sockets)
        print("Server is running, press Ctrl+C to stop it")
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        debug("KeyboardInterrupt")
        print(count, "messages", file=sys.stderr)
