"""Sends each line that the user types to the echo server, and prints the answer.

Usage: python echo_client.py [PORT]

It runs as it is, but it behaves incorrectly where there is a TODO. The lab sheet (README.md)
explains each step; `labcheck lab2` shows which requirements already pass.
"""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

PORT = 8002


async def talk(port: int) -> None:
    """Send each line that the user types and print the answer, until the input ends."""
    # Leaving this block closes the connection normally, with code 1000.
    async with connect(f"ws://localhost:{port}/") as server:
        # TODO 2.4: leave the loop when the input ends.
        #   Given:  on Ctrl+D (on Windows, Ctrl+Z and Enter) input() raises EOFError.
        #   Done:   type a line, press Ctrl+D, then type `echo $?` (PowerShell: `echo $LASTEXITCODE`):
        #           no traceback, and 0.
        # TODO 2.2: send an empty line like any other line.
        #   Done:   press Enter alone: the server's answer and the next prompt appear.
        while line := input("Enter some data: "):
            await server.send(line)
            answer = await server.recv()
            # TODO 2.3: print the lines `To server: ` with what was sent, and `From server: ` with
            # what was really received; the line below only guesses.
            #   Done:   `labcheck lab2 --only 2.3`, which answers with random words.
            print(f"From server: ECHO! {line}")


def main(port: int) -> None:
    # TODO 2.5: if no server listens, say so on standard error, with the port, and exit with status 1.
    #   Given:  connect() raises OSError, or InvalidHandshake if the server is not a WebSocket server;
    #           sys.exit("text") prints the text on standard error and exits with status 1.
    #   Done:   python echo_client.py 8055
    # TODO 2.6: do the same if the server closes the connection, or goes away, instead of answering.
    #   Given:  recv() raises ConnectionClosed.
    #   Done:   stop the server while the client waits at its prompt, then type a line.
    asyncio.run(talk(port))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT)
