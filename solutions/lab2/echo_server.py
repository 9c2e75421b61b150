"""A WebSocket server that sends back what it receives.

Usage: python echo_server.py [PORT]
"""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

PORT = 8002
MESSAGE_LIMIT = 1024 * 1024  # bytes; a message is kept in memory until all of it is there
FAREWELL = 1  # seconds that a client has for its half of the closing handshake


async def echo(client: ServerConnection) -> None:
    """Talk to one client, from its opening handshake until it has gone."""
    try:
        # The loop ends when the client closes its connection with a goodbye. Each client has a
        # coroutine of its own here: where one waits, the others go on.
        async for message in client:
            print(f"From client: {message}")
            reply = f"ECHO! {message}"
            await client.send(reply)
            print(f"To client: {reply}")
    except ConnectionClosed:
        pass  # it vanished without a goodbye, or in the middle of our answer: everyday life


async def main(port: int) -> None:
    # More than MESSAGE_LIMIT bytes are not read: that client gets close code 1009.
    async with serve(echo, "127.0.0.1", port, max_size=MESSAGE_LIMIT, close_timeout=FAREWELL) as server:
        print(f"Started WebSocket echo server: ws://localhost:{port}/ (Ctrl+C stops it)")
        # Ctrl+C ends this wait; on its way out, the "async with" says goodbye to every client (1001).
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
    except KeyboardInterrupt:
        print("Ctrl+C: shutting down")
