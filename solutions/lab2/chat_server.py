"""A chat server: it sends what one client says to all the others.

A client sends NAME,TEXT; the others get "NAME says: TEXT".

Usage: python chat_server.py [PORT]
"""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

PORT = 8002
CLOSE_TIMEOUT = 1  # seconds that a client has to answer a close frame

clients: set[ServerConnection] = set()


async def chat(client: ServerConnection) -> None:
    """Serve one client, from the end of its opening handshake until it disconnects."""
    clients.add(client)
    try:
        async for message in client:
            # Only the first comma ends the name; all other commas belong to the text.
            name, comma, text = str(message).partition(",")
            if not comma:
                await client.send("ERROR: write NAME,TEXT")
                continue
            print(f"From {name}: {text}")
            # send() waits while a client is slow to read; in a loop, all clients after it would
            # wait, too. broadcast() does not wait: it hands the message to each connection, which
            # sends it when it can. The cost is memory, until a client that has stopped reading
            # misses a ping (after 20 to 40 seconds) and is disconnected.
            broadcast(clients - {client}, f"{name} says: {text}")
    except ConnectionClosed:
        pass  # the connection was lost: a server must expect that
    finally:
        clients.discard(client)  # no matter how it left


async def main(port: int) -> None:
    async with serve(chat, "127.0.0.1", port, close_timeout=CLOSE_TIMEOUT) as server:
        print(f"Started WebSocket chat server: ws://localhost:{port}/ (Ctrl+C stops it)")
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
    except KeyboardInterrupt:
        print("Ctrl+C: shutting down")
