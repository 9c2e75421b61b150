"""A chat server: it sends what one client says to all the others.

A client sends NAME,TEXT; the others get "NAME says: TEXT".

Usage: python chat_server.py [PORT]

It runs as it is, but it behaves incorrectly where there is a TODO. The lab sheet (README.md)
explains each step; `labcheck lab2` shows which requirements already pass.
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
    # TODO 3.6: remove a client from the set when it disconnects, normally or not, without a traceback.
    #   Given:  set.discard(); a `finally:` block runs no matter how the `try:` block ends.
    #   Done:   connect two clients; one leaves, the other sends a message: no traceback, and no
    #           line about a client that has left.
    while True:
        message = str(await client.recv())
        # TODO 3.3: only the first comma ends the name; all other commas belong to the text.
        #   Done:   `Ann,yes, but why?` arrives as `Ann says: yes, but why?`.
        # TODO 3.4: answer a message without a comma with one that starts with ERROR, and continue.
        #   Done:   `hello` gets an answer, and `Ann,hello` after it still arrives.
        name, text = message.split(",")[0], message.split(",")[1]
        # TODO 3.5: print the line `From NAME: TEXT`.
        print(f"{name} said something.")
        # TODO 3.2: do not send the message back to its sender.
        # TODO 3.9: of 50 clients, exactly 49 get the message; now all 50 get it.
        # TODO 3.10: send() waits while a client is slow to read. Do not let the other clients wait.
        #   Given:  broadcast(), imported above, does not wait; it skips clients that have left.
        #   Done:   `labcheck lab2 --only 3.10`; by hand: deaf.py in the sheet.
        for other in clients.copy():
            try:
                await other.send(f"{name} says: {text}")
            except ConnectionClosed:
                print("One of the clients has left.")


async def main(port: int) -> None:
    async with serve(chat, "127.0.0.1", port, close_timeout=CLOSE_TIMEOUT) as server:
        print(f"Started WebSocket chat server: ws://localhost:{port}/ (Ctrl+C stops it)")
        await server.serve_forever()


if __name__ == "__main__":
    # TODO 3.11: exit on Ctrl+C as the echo server does, with status 0 and without a traceback.
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
