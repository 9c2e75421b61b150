"""A chat client: sends what is typed, and prints meanwhile what the others say.

Usage: python chat_client.py [PORT]

It runs as it is, and behaves wrongly where a TODO stands. The lab sheet (README.md) explains each
step; `labcheck lab2` says what is right already.
"""

import asyncio
import sys

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

PORT = 8002


async def ask(prompt: str) -> str:
    """Return the next line that the user types; the event loop goes on meanwhile."""
    # TODO 4.3: let the event loop go on; now nothing else of this program runs while input() waits.
    #   Given:  asyncio.to_thread(function, argument) calls a function in a thread of its own.
    #   Done:   with two chat clients, what one sends is seen at once at the other's prompt.
    return input(prompt)


async def speak(server: ClientConnection) -> None:
    """Send what the user types until there is no more."""
    # TODO 4.4: return when the input has ended.
    #   Done:   a name, Ctrl+D, then `echo $?`: no traceback, and a 0.
    name = await ask("Enter Your Name: ")
    while True:
        # TODO 4.1: send NAME,TEXT; the server cannot know who speaks.
        await server.send(await ask("Your Message: "))


async def listen(server: ClientConnection) -> None:
    """Print what the others say until the server has gone."""
    async for message in server:
        # TODO 4.2: print the line `From server: ` with the message.
        print(message)


async def main(port: int) -> int:
    """Chat until the user or the server has had enough; return the exit status."""
    # TODO 4.5: where nothing listens, say so on standard error, with the port, and return 1.
    #   Given:  connect() raises OSError or InvalidHandshake; print() takes `file=sys.stderr`.
    async with connect(f"ws://localhost:{port}/") as server:
        speaking, listening = asyncio.create_task(speak(server)), asyncio.create_task(listen(server))
        # TODO 4.6: notice when listening ends first: say on standard error that the server has gone,
        # and return 1. Now only the user is waited for.
        #   Given:  asyncio.wait(..., return_when=asyncio.FIRST_COMPLETED); task.done(), task.exception().
        #   Done:   stop the server while the client waits at its prompt: a line comes at once.
        await speaking
        return 0  # leaving the block closes the connection politely, with code 1000


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT)))
