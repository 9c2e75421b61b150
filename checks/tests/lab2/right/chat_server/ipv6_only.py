"""A chat server that listens only on ::1, one second after its start; tasks send the messages."""

import asyncio
import os
import sys
from collections import deque

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

members = []


class Member:
    def __init__(self, websocket):
        self.websocket = websocket
        self.waiting = deque()
        self.task = None

    def post(self, text):
        self.waiting.append(text)
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self.deliver())

    async def deliver(self):
        try:
            while self.waiting:
                await self.websocket.send(self.waiting.popleft())
        except ConnectionClosed:
            self.waiting.clear()

    async def talk(self):
        async for message in self.websocket:
            name, comma, text = message.partition(",")
            if comma:
                print(f"From {name}: {text}")
                for member in members:
                    if member is not self:
                        member.post(f"{name} says: {text}")
            else:
                self.post(f"ERROR {message!r} has no comma")


async def handle(websocket):
    member = Member(websocket)
    members.append(member)
    try:
        await member.talk()
    except ConnectionClosed:
        pass
    finally:
        members.remove(member)
        if member.task is not None:
            member.task.cancel()


def leave():
    """Exit at once: websockets may wait much longer for a client that does not read."""
    sys.stdout.flush()
    os._exit(0)


async def main(port):
    await asyncio.sleep(1)
    async with serve(handle, "::1", port, close_timeout=1):
        print(f"Listening on [::1]:{port}")
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            asyncio.get_running_loop().call_later(1.5, leave)


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        print("That's it")
