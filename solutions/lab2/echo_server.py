"""A WebSocket server that sends each message back to its sender.

Usage: python echo_server.py [PORT]
"""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

PORT = 8002
MESSAGE_LIMIT = 1024 * 1024  # bytes; the whole message is kept in memory
CLOSE_TIMEOUT = 1  # seconds that a client has to answer a close frame


async def echo(client: ServerConnection) -> None:
    """Serve one client, from the end of its opening handshake until it disconnects."""
    try:
        # The loop ends when the client closes normally. serve() runs this coroutine once for
        # each client: while one of them waits, the others continue.
        async for message in client:
            print(f"From client: {message}")
            reply = f"ECHO! {message}"
            await client.send(reply)
            print(f"To client: {reply}")
    except ConnectionClosed:
        pass  # the connection was lost, perhaps before the reply was sent: a server must expect that


async def main(port: int) -> None:
    # A message of more than MESSAGE_LIMIT bytes is not read: its sender gets close code 1009.
    async with serve(echo, "127.0.0.1", port, max_size=MESSAGE_LIMIT, close_timeout=CLOSE_TIMEOUT) as server:
        print(f"Started WebSocket echo server: ws://localhost:{port}/ (Ctrl+C stops it)")
        # Ctrl+C ends this wait. When the "async with" block ends, every client gets close code 1001.
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
    except KeyboardInterrupt:
        print("Ctrl+C: shutting down")
