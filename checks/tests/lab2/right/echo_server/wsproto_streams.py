"""An echo server with wsproto over asyncio streams."""

import asyncio
import sys

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Message,
    Ping,
    Request,
    TextMessage,
)
from wsproto.extensions import PerMessageDeflate
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

LIMIT = 1 << 20
clients = {}


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.protocol = WSConnection(ConnectionType.SERVER)
        self.parts, self.length = [], 0

    def send(self, event):
        try:
            self.writer.write(self.protocol.send(event))
        except LocalProtocolError:
            pass  # this connection is closed or closing

    async def serve(self):
        """Answer until the client has closed its side."""
        while data := await self.reader.read(1 << 16):
            try:
                self.protocol.receive_data(data)
                for event in self.protocol.events():
                    if not self.handle(event):
                        await self.writer.drain()
                        return
            except RemoteProtocolError as error:
                if error.event_hint is not None:
                    self.send(error.event_hint)
                await self.writer.drain()
                return
            await self.writer.drain()

    def handle(self, event):
        """Handle one event; return whether to continue."""
        if isinstance(event, Request):
            self.send(AcceptConnection(extensions=[PerMessageDeflate()]))
        elif isinstance(event, CloseConnection):
            if self.protocol.state is ConnectionState.REMOTE_CLOSING:
                self.send(event.response())
            return False
        elif isinstance(event, Ping):
            self.send(event.response())
        elif isinstance(event, Message) and self.protocol.state is ConnectionState.OPEN:
            self.parts.append(event.data)
            self.length += len(event.data)
            if self.length > LIMIT:
                self.send(CloseConnection(1009, "too big"))
            elif not isinstance(event, TextMessage):
                self.send(CloseConnection(1003, "text, please"))
            elif event.message_finished:
                message = "".join(self.parts)
                self.parts, self.length = [], 0
                print(f"From client: {message}")
                self.send(TextMessage(f"ECHO! {message}"))
                print(f"To client: ECHO! {message}")
        return True


async def meet(reader, writer):
    client = Client(reader, writer)
    clients[client] = asyncio.current_task()
    try:
        await client.serve()
    except (OSError, asyncio.CancelledError):
        pass
    finally:
        del clients[client]
        writer.close()


async def main(port):
    server = await asyncio.start_server(meet, "127.0.0.1", port)
    print("Listening on port", port)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        for client in clients:
            client.send(CloseConnection(1001, "bye"))
        if clients:
            await asyncio.wait(clients.values(), timeout=1)


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        print("Interrupted")
