"""A chat client: sends what is typed, and prints meanwhile what the others say.

Usage: python chat_client.py [PORT]
"""

import asyncio
import sys

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

PORT = 8002


async def ask(prompt: str) -> str:
    """Return the next line that the user types; the event loop goes on meanwhile."""
    return await asyncio.to_thread(input, prompt)


async def speak(server: ClientConnection) -> None:
    """Send what the user types until there is no more."""
    try:
        name = await ask("Enter Your Name: ")
        while True:
            await server.send(f"{name},{await ask('Your Message: ')}")
    except EOFError:  # Ctrl+D, or the end of a file: the user has finished
        pass


async def listen(server: ClientConnection) -> None:
    """Print what the others say until the server has gone."""
    try:
        async for message in server:
            # The user may be in the middle of a line: begin a new one.
            print(f"\nFrom server: {message}")
    except ConnectionClosed:
        pass  # gone without a goodbye is gone, too


async def main(port: int) -> int:
    """Chat until the user or the server has had enough; return the exit status."""
    try:
        async with connect(f"ws://localhost:{port}/") as server:
            speaking, listening = asyncio.create_task(speak(server)), asyncio.create_task(listen(server))
            # Whichever ends first decides: the user's end of input is a success, the server's end is not.
            await asyncio.wait({speaking, listening}, return_when=asyncio.FIRST_COMPLETED)
            if speaking.done() and speaking.exception() is None:
                return 0  # leaving the block closes the connection politely, with code 1000
            print(f"\nThe server has gone away ({server.close_code}). Press Enter to leave.", file=sys.stderr)
            return 1  # Python ends when the thread that waits inside input() does
    except (OSError, InvalidHandshake) as error:
        print(f"No chat server on port {port}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT)))
    except KeyboardInterrupt:
        print()
