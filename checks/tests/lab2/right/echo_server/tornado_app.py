"""An echo server with Tornado."""

import asyncio
import sys

from tornado.web import Application
from tornado.websocket import WebSocketClosedError, WebSocketHandler

LIMIT = 1 << 20
clients = set()


class Echo(WebSocketHandler):
    def open(self):
        print("Hello,", self.request.remote_ip)
        clients.add(self)

    async def on_message(self, message):
        if len(message) > LIMIT:
            self.close(1009, "message too long")
        elif self in clients:
            print("From client:", message)
            try:
                await self.write_message("ECHO! " + message)
            except WebSocketClosedError:
                return
            print("To client: ECHO!", message)

    def on_close(self):
        print("Goodbye,", self.request.remote_ip)
        clients.discard(self)


async def main(port):
    # Tornado cuts the connection if a message exceeds its limit; below this high limit, on_message sends code 1009.
    app = Application([("/", Echo)], websocket_max_message_size=64 << 20)
    server = app.listen(port, "127.0.0.1")
    print("Tornado is up, port", port)
    try:
        await asyncio.Event().wait()
    finally:
        server.stop()
        for client in list(clients):
            client.close(1001, "shutting down")
        for _ in range(20):
            if clients:
                await asyncio.sleep(0.05)


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        print("Tornado is down")
