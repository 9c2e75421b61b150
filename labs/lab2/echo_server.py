"""A WebSocket server that sends each message back to its sender.

Usage: python echo_server.py [PORT]

It runs as it is, but it behaves incorrectly where there is a TODO. The lab sheet (README.md)
explains each step; `labcheck lab2` shows which requirements already pass.
"""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

PORT = 8002
# TODO 1.8: disconnect a client with close code 1009 if its message is larger than 1 MiB.
#   Given:  main() passes the limit to serve(), which does the rest; None means no limit.
#   Done:   `labcheck lab2 --only 1.8`; by hand: big.py in the sheet.
MESSAGE_LIMIT = None  # bytes; the whole message is kept in memory
CLOSE_TIMEOUT = 1  # seconds that a client has to answer a close frame


async def echo(client: ServerConnection) -> None:
    """Serve one client, from the end of its opening handshake until it disconnects."""
    # TODO 1.6: return without a traceback when the client disconnects.
    #   Given:  recv() then raises ConnectionClosed, imported above; an `async for` loop simply
    #           ends when the client closes normally.
    #   Done:   after Ctrl+D in `python -m websockets ws://localhost:8002/`, no traceback appears
    #           in this terminal.
    while True:
        message = await client.recv()
        # TODO 1.4: print the lines `From client: ` with the message and `To client: ` with the reply.
        #   Done:   `labcheck lab2 --only 1.4`; by hand: send a message and look at this terminal.
        print(f"Received a message of {len(message)} characters.")
        reply = f"ECHO! {message}"
        await client.send(reply)


async def main(port: int) -> None:
    # A message of more than MESSAGE_LIMIT bytes is not read: its sender gets close code 1009.
    async with serve(echo, "127.0.0.1", port, max_size=MESSAGE_LIMIT, close_timeout=CLOSE_TIMEOUT) as server:
        print(f"Started WebSocket echo server: ws://localhost:{port}/ (Ctrl+C stops it)")
        # Ctrl+C ends this wait. When the "async with" block ends, every client gets close code 1001.
        await server.serve_forever()


if __name__ == "__main__":
    # TODO 1.10: after the connections are closed, Ctrl+C raises KeyboardInterrupt here. Exit with status 0.
    #   Done:   press Ctrl+C, then type `echo $?` (PowerShell: `echo $LASTEXITCODE`): no traceback, and 0.
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
