"""A chat server with wsproto over asyncio protocols, whose transports never block a write."""

import asyncio
import sys

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

members = set()


class Member(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.websocket = WSConnection(ConnectionType.SERVER)
        self.parts = []

    def connection_lost(self, exc):
        members.discard(self)

    def send(self, event):
        try:
            self.transport.write(self.websocket.send(event))
        except LocalProtocolError:
            members.discard(self)

    def data_received(self, data):
        try:
            self.websocket.receive_data(data)
            for event in self.websocket.events():
                self.handle(event)
        except RemoteProtocolError as error:
            if error.event_hint is not None:
                self.send(error.event_hint)
            self.transport.close()

    def handle(self, event):
        if isinstance(event, Request):
            self.send(AcceptConnection())
            members.add(self)
        elif isinstance(event, Ping):
            self.send(event.response())
        elif isinstance(event, CloseConnection):
            members.discard(self)
            if self.websocket.state is ConnectionState.REMOTE_CLOSING:
                self.send(event.response())
            self.transport.close()
        elif isinstance(event, TextMessage):
            self.parts.append(event.data)
            if event.message_finished:
                message = "".join(self.parts)
                self.parts.clear()
                self.on_text(message)

    def on_text(self, message):
        if "," not in message:
            self.send(TextMessage("ERROR: there is no comma in your message"))
            return
        name, text = message.split(",", 1)
        print(f"From {name}: {text}")
        for member in members - {self}:
            member.send(TextMessage(f"{name} says: {text}"))


async def main(port):
    server = await asyncio.get_running_loop().create_server(Member, "127.0.0.1", port, backlog=200)
    print("Server ready on port", port)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        for member in list(members):
            member.send(CloseConnection(1001))
        for _ in range(20):
            if members:
                await asyncio.sleep(0.05)


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        print("Server stops")
