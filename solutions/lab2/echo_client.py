"""Sends each line that the user types to the echo server, and prints the answer.

Usage: python echo_client.py [PORT]
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
        while True:
            try:
                # input() blocks its thread. In a separate thread it does not block the event loop,
                # which can answer the server's pings no matter how long the user thinks.
                line = await asyncio.to_thread(input, "Enter some data: ")
            except EOFError:  # Ctrl+D, or the end of a file: the user has finished
                return
            await server.send(line)
            print(f"To server: {line}")
            print(f"From server: {await server.recv()}")


def main(port: int) -> None:
    try:
        asyncio.run(talk(port))
    except ConnectionClosed as error:
        sys.exit(f"The server has gone away: {error}")
    except (OSError, InvalidHandshake) as error:
        sys.exit(f"No echo server on port {port}: {error}")
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT)
