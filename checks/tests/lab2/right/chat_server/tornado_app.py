"""A chat server with Tornado."""

import asyncio
import sys

from tornado.queues import Queue
from tornado.web import Application
from tornado.websocket import WebSocketClosedError, WebSocketHandler

room = set()


class Chat(WebSocketHandler):
    def open(self):
        self.queue = Queue()
        self.writer = asyncio.create_task(self.write_all())
        room.add(self)

    async def write_all(self):
        try:
            async for message in self.queue:
                await self.write_message(message)
        except WebSocketClosedError:
            pass

    def on_message(self, message):
        name, comma, text = message.partition(",")
        if not comma:
            self.queue.put_nowait("ERROR (a comma is missing)")
            return
        print(f"From {name}: {text}")
        for other in room - {self}:
            other.queue.put_nowait(f"{name} says: {text}")

    def on_close(self):
        room.discard(self)
        self.writer.cancel()


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    server = Application([("/", Chat)]).listen(port, "127.0.0.1")
    print(f"Tornado listens on port {port}")
    try:
        await asyncio.Event().wait()
    finally:
        server.stop()
        for member in list(room):
            member.close(1001, "the room is closed now")
        for _ in range(20):
            if room:
                await asyncio.sleep(0.05)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("Ctrl+C")
