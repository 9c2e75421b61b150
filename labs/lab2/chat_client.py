"""A chat client: it sends what the user types, and prints what the other clients say.

Usage: python chat_client.py [PORT]

It runs as it is, but it behaves incorrectly where there is a TODO. The lab sheet (README.md)
explains each step; `labcheck lab2` shows which requirements already pass.
"""

import asyncio
import sys

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

PORT = 8002


async def ask(prompt: str) -> str:
    """Return the next line that the user types, without blocking the event loop."""
    # TODO 4.3: do not block the event loop; now the rest of this program stops while input() waits.
    #   Given:  asyncio.to_thread(function, argument) calls a function in a separate thread.
    #   Done:   with two chat clients, what one sends appears at once at the other's prompt.
    return input(prompt)


async def speak(server: ClientConnection) -> None:
    """Send what the user types until the input ends."""
    # TODO 4.4: return when the input ends.
    #   Done:   type a name, press Ctrl+D, then type `echo $?` (PowerShell: `echo $LASTEXITCODE`):
    #           no traceback, and 0.
    name = await ask("Enter Your Name: ")
    while True:
        # TODO 4.1: send NAME,TEXT; otherwise the server cannot know who speaks.
        await server.send(await ask("Your Message: "))


async def listen(server: ClientConnection) -> None:
    """Print what the other clients say until the connection is closed."""
    async for message in server:
        # TODO 4.2: print the line `From server: ` with the message.
        print(message)


async def main(port: int) -> int:
    """Chat until the input ends or the server goes away; return the exit status."""
    # TODO 4.5: if no server listens, say so on standard error, with the port, and return 1.
    #   Given:  connect() raises OSError or InvalidHandshake; print() takes `file=sys.stderr`.
    async with connect(f"ws://localhost:{port}/") as server:
        speaking, listening = asyncio.create_task(speak(server)), asyncio.create_task(listen(server))
        # TODO 4.6: notice when `listening` ends first: say on standard error that the server has
        # gone away, and return 1. Now the program waits only for the user.
        #   Given:  asyncio.wait(..., return_when=asyncio.FIRST_COMPLETED); task.done(), task.exception().
        #   Done:   stop the server while the client waits at its prompt: a line appears at once.
        await speaking
        return 0  # leaving the block closes the connection normally, with code 1000


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT)))
