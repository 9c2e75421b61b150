"""An echo server on the Sans-I/O part of websockets, with a selector, in one thread."""

import selectors
import socket
import sys
import time

from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

LIMIT = 1 << 20
PATIENCE = 5  # seconds that a client has to close the connection after the closing handshake


class Client:
    def __init__(self, connection):
        self.socket = connection
        self.protocol = ServerProtocol(max_size=LIMIT)
        self.parts = []
        self.unsent = bytearray()
        self.last = False  # nothing follows the unsent bytes
        self.deadline = None

    def read(self):
        """Read and handle what has arrived; return whether more can arrive."""
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.protocol.send_response(self.protocol.accept(event))
            elif event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self.parts.append(event.data)
                if event.fin:
                    self.answer(b"".join(self.parts).decode(errors="replace"))
                    self.parts.clear()
        return bool(data)

    def answer(self, message):
        print(f"From client: {message}")
        if self.protocol.state is State.OPEN:
            self.protocol.send_text(f"ECHO! {message}".encode())
            print(f"To client: ECHO! {message}")

    def write(self):
        """Send what can be sent now; return whether the connection still works."""
        for data in self.protocol.data_to_send():
            self.unsent += data
            self.last = self.last or not data
        try:
            while self.unsent:
                del self.unsent[: self.socket.send(self.unsent)]
            if self.last and self.deadline is None:
                self.deadline = time.monotonic() + PATIENCE
                self.socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True


class Server:
    def __init__(self, port):
        self.clients = set()
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)

    def turn(self):
        """Wait a moment for events, and handle them."""
        for key, _ in self.selector.select(0.2):
            if key.fileobj is self.listener:
                self.greet()
            else:
                alive = key.data.read()
                self.push(key.data, alive)
        now = time.monotonic()
        for client in [client for client in self.clients if client.deadline and client.deadline < now]:
            self.drop(client)

    def greet(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        client = Client(connection)
        self.clients.add(client)
        self.selector.register(connection, selectors.EVENT_READ, client)

    def push(self, client, alive=True):
        if client.write() and alive:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
            self.selector.modify(client.socket, events, client)
        else:
            self.drop(client)

    def drop(self, client):
        self.selector.unregister(client.socket)
        client.socket.close()
        self.clients.discard(client)

    def close_all(self):
        """Send a close frame to all clients, and wait a second for their answers."""
        self.selector.unregister(self.listener)
        self.listener.close()
        self.listener = None
        for client in list(self.clients):
            if client.protocol.state is State.OPEN:
                client.protocol.send_close(1001, "server shutdown")
            self.push(client)
        deadline = time.monotonic() + 1
        while self.clients and time.monotonic() < deadline:
            self.turn()


def main():
    server = Server(int(sys.argv[1]) if len(sys.argv) > 1 else 8002)
    print("Started echo server")
    try:
        while True:
            server.turn()
    except KeyboardInterrupt:
        server.close_all()
        print("Stopped")


if __name__ == "__main__":
    main()
