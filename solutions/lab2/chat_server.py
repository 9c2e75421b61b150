"""A chat server: what one client says, all the others hear.

A client sends NAME,TEXT; the others get "NAME says: TEXT".

Usage: python chat_server.py [PORT]
"""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

PORT = 8002
FAREWELL = 1  # seconds that a client has for its half of the closing handshake

clients: set[ServerConnection] = set()


async def chat(client: ServerConnection) -> None:
    """Hear one client, from its opening handshake until it has gone."""
    clients.add(client)
    try:
        async for message in client:
            # Only the first comma ends the name; all others belong to the text.
            name, comma, text = str(message).partition(",")
            if not comma:
                await client.send("ERROR: write NAME,TEXT")
                continue
            print(f"From {name}: {text}")
            # send() waits while a client is slow to read, and with it all who come after it in a
            # loop. broadcast() waits for nobody: it leaves a message with each connection, which
            # sends it when it can. The price is memory, until a client that has stopped reading
            # misses a ping (after 20 to 40 seconds) and is disconnected.
            broadcast(clients - {client}, f"{name} says: {text}")
    except ConnectionClosed:
        pass  # it vanished without a goodbye: everyday life
    finally:
        clients.discard(client)  # however it left


async def main(port: int) -> None:
    async with serve(chat, "127.0.0.1", port, close_timeout=FAREWELL) as server:
        print(f"Started WebSocket chat server: ws://localhost:{port}/ (Ctrl+C stops it)")
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
    except KeyboardInterrupt:
        print("Ctrl+C: shutting down")
