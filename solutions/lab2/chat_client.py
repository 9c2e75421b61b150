"""A chat client: it sends what the user types, and prints what the other clients say.

Usage: python chat_client.py [PORT]
"""

import asyncio
import sys

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

PORT = 8002


async def ask(prompt: str) -> str:
    """Return the next line that the user types, without blocking the event loop."""
    return await asyncio.to_thread(input, prompt)


async def speak(server: ClientConnection) -> None:
    """Send what the user types until the input ends."""
    try:
        name = await ask("Enter Your Name: ")
        while True:
            await server.send(f"{name},{await ask('Your Message: ')}")
    except EOFError:  # Ctrl+D, or the end of a file: the user has finished
        pass


async def listen(server: ClientConnection) -> None:
    """Print what the other clients say until the connection is closed."""
    try:
        async for message in server:
            # The cursor is behind the prompt, so start a new line.
            print(f"\nFrom server: {message}")
    except ConnectionClosed:
        pass  # closed without a close frame: main() treats both the same


async def main(port: int) -> int:
    """Chat until the input ends or the server goes away; return the exit status."""
    try:
        async with connect(f"ws://localhost:{port}/") as server:
            speaking, listening = asyncio.create_task(speak(server)), asyncio.create_task(listen(server))
            # The task that ends first decides: the end of the input is a success, a lost server is not.
            await asyncio.wait({speaking, listening}, return_when=asyncio.FIRST_COMPLETED)
            if speaking.done() and speaking.exception() is None:
                return 0  # leaving the block closes the connection normally, with code 1000
            print(f"\nThe server has gone away ({server.close_code}). Press Enter to leave.", file=sys.stderr)
            return 1  # Python exits when the thread that waits in input() ends
    except (OSError, InvalidHandshake) as error:
        print(f"No chat server on port {port}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT)))
    except KeyboardInterrupt:
        print()
