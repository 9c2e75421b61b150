"""A chat server: what one client says, all the others hear.

A client sends NAME,TEXT; the others get "NAME says: TEXT".

Usage: python chat_server.py [PORT]

It runs as it is, and behaves wrongly where a TODO stands. The lab sheet (README.md) explains each
step; `labcheck lab2` says what is right already.
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
    # TODO 3.6: forget a client when it has gone, with or without a goodbye, and without a traceback.
    #   Given:  set.discard(); what stands in a `finally:` is done however the rest has ended.
    #   Done:   two clients; one leaves, the other speaks: no traceback, and nobody is missed.
    while True:
        message = str(await client.recv())
        # TODO 3.3: only the first comma ends the name; all others belong to the text.
        #   Done:   `Ann,yes, but why?` arrives as `Ann says: yes, but why?`.
        # TODO 3.4: answer a message without a comma with one that starts with ERROR, and go on.
        #   Done:   `hello` gets an answer, and `Ann,hello` after it still arrives.
        name, text = message.split(",")[0], message.split(",")[1]
        # TODO 3.5: print the line `From NAME: TEXT`.
        print(f"{name} has said something.")
        # TODO 3.2: whoever speaks does not hear it again.
        # TODO 3.9: of 50 clients exactly 49 hear it; now it is 50.
        # TODO 3.10: send() waits while a client is slow to read. Let the others not wait with it.
        #   Given:  broadcast(), imported above, waits for nobody; it passes over those who have gone.
        #   Done:   `labcheck lab2 --only 3.10`; by hand, deaf.py in the sheet.
        for other in clients.copy():
            try:
                await other.send(f"{name} says: {text}")
            except ConnectionClosed:
                print("One of the clients is not there any more.")


async def main(port: int) -> None:
    async with serve(chat, "127.0.0.1", port, close_timeout=FAREWELL) as server:
        print(f"Started WebSocket chat server: ws://localhost:{port}/ (Ctrl+C stops it)")
        await server.serve_forever()


if __name__ == "__main__":
    # TODO 3.11: end on Ctrl+C as the echo server does, with status 0 and without a traceback.
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
