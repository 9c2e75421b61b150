"""Sends what is typed to the echo server, and prints what comes back.

Usage: python echo_client.py [PORT]

It runs as it is, and behaves wrongly where a TODO stands. The lab sheet (README.md) explains each
step; `labcheck lab2` says what is right already.
"""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

PORT = 8002


async def talk(port: int) -> None:
    """Ask for lines until there are no more."""
    # At the end of the block the connection is closed politely, with code 1000.
    async with connect(f"ws://localhost:{port}/") as server:
        # TODO 2.4: leave the loop when the input has ended.
        #   Given:  at Ctrl+D (on Windows, Ctrl+Z and Enter) input() raises EOFError.
        #   Done:   one line, Ctrl+D, then `echo $?`: no traceback, and a 0.
        # TODO 2.2: send an empty line like any other.
        #   Done:   Enter alone is answered, and the next prompt comes.
        while line := input("Enter some data: "):
            await server.send(line)
            answer = await server.recv()
            # TODO 2.3: print the lines `To server: ` with what was sent, and `From server: ` with
            # what has really come back; this one is a guess.
            #   Done:   `labcheck lab2 --only 2.3`, whose server answers what nobody can guess.
            print(f"From server: ECHO! {line}")


def main(port: int) -> None:
    # TODO 2.5: where nothing listens, say so on standard error, with the port, and exit with status 1.
    #   Given:  connect() raises OSError, or InvalidHandshake where something else than a WebSocket
    #           server listens; sys.exit() with a text prints it on standard error, and the status is 1.
    #   Done:   python echo_client.py 8055
    # TODO 2.6: do the same when the server closes, or goes away, instead of answering.
    #   Given:  recv() raises ConnectionClosed.
    #   Done:   stop the server while the client waits at its prompt, then type a line.
    asyncio.run(talk(port))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT)
