"""A WebSocket server that sends back what it receives.

Usage: python echo_server.py [PORT]

It runs as it is, and behaves wrongly where a TODO stands. The lab sheet (README.md) explains each
step; `labcheck lab2` says what is right already.
"""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

PORT = 8002
# TODO 1.8: turn a client away, with close code 1009, when its message has more than 1 MiB.
#   Given:  main() hands the limit to serve(), which does the rest; None means that there is none.
#   Done:   `labcheck lab2 --only 1.8`; by hand, big.py in the sheet.
MESSAGE_LIMIT = None  # bytes; a message is kept in memory until all of it is there
FAREWELL = 1  # seconds that a client has for its half of the closing handshake


async def echo(client: ServerConnection) -> None:
    """Talk to one client, from its opening handshake until it has gone."""
    # TODO 1.6: when the client has gone, end without a traceback.
    #   Given:  recv() raises ConnectionClosed, imported above; `async for` knows of the polite end.
    #   Done:   after Ctrl+D in `python -m websockets ws://localhost:8002/`, this terminal stays calm.
    while True:
        message = await client.recv()
        # TODO 1.4: print the lines `From client: ` with the message, and `To client: ` with the answer.
        #   Done:   `labcheck lab2 --only 1.4`; by hand, send one message and look at this terminal.
        print(f"A message of {len(message)} characters has come.")
        reply = f"ECHO! {message}"
        await client.send(reply)


async def main(port: int) -> None:
    # More than MESSAGE_LIMIT bytes are not read: that client gets close code 1009.
    async with serve(echo, "127.0.0.1", port, max_size=MESSAGE_LIMIT, close_timeout=FAREWELL) as server:
        print(f"Started WebSocket echo server: ws://localhost:{port}/ (Ctrl+C stops it)")
        # Ctrl+C ends this wait; on its way out, the "async with" says goodbye to every client (1001).
        await server.serve_forever()


if __name__ == "__main__":
    # TODO 1.10: Ctrl+C raises KeyboardInterrupt here, after the goodbyes. End with status 0.
    #   Done:   Ctrl+C, then `echo $?`: no traceback, and a 0.
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
