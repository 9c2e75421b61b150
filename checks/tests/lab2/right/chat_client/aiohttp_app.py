"""A chat client with aiohttp; a thread reads lines from sys.stdin, and print() shows the prompts."""

import asyncio
import os
import sys
import threading

import aiohttp


class Keyboard(threading.Thread):
    """Reads one line each time it is asked to."""

    def __init__(self, loop):
        super().__init__(daemon=True)
        self.loop, self.line = loop, asyncio.Queue()

    def run(self):
        for line in sys.stdin:
            self.loop.call_soon_threadsafe(self.line.put_nowait, line.removesuffix("\n"))
        self.loop.call_soon_threadsafe(self.line.put_nowait, None)

    async def ask(self, prompt):
        print(prompt, end="", flush=True)
        return await self.line.get()


async def receive(websocket):
    async for message in websocket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            break
        print(f"From server: {message.data}", flush=True)


async def send(websocket, keyboard):
    name = await keyboard.ask("Enter Your Name: ")
    while name is not None and (text := await keyboard.ask("Your Message: ")) is not None:
        await websocket.send_str(f"{name},{text}")


async def chat(websocket, keyboard):
    """Chat; return True when the user has finished, False when the server has gone away."""
    receiver = asyncio.create_task(receive(websocket))
    sender = asyncio.create_task(send(websocket, keyboard))
    await asyncio.wait({receiver, sender}, return_when=asyncio.FIRST_COMPLETED)
    ended = sender.done() and sender.exception() is None and not receiver.done()
    receiver.cancel()
    sender.cancel()
    return ended


async def main(port):
    keyboard = Keyboard(asyncio.get_running_loop())
    keyboard.start()
    try:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://localhost:{port}/") as websocket:
            if await chat(websocket, keyboard):
                await asyncio.wait_for(websocket.close(), 2)
                return 0
        print("The server is gone", file=sys.stderr)
    except (OSError, aiohttp.ClientError) as error:
        print(f"Cannot talk to port {port}: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    result = asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    sys.stdout.flush()
    os._exit(result)
