"""An echo server that compresses if the client offers it, with the smallest window, reset after each message."""

import asyncio
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    server_max_window_bits=9,
)


async def echo(websocket):
    print("Extensions:", [extension.name for extension in websocket.protocol.extensions])
    try:
        async for message in websocket:
            print(f"From client: {message}")
            await websocket.send(f"ECHO! {message}")
            print(f"To client: ECHO! {message}")
    except ConnectionClosed:
        print("Client has gone")


async def main(port):
    async with serve(echo, "127.0.0.1", port, compression=None, extensions=[DEFLATE], close_timeout=1) as server:
        print("Started echo server on port", port)
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        print("Shutting down")
