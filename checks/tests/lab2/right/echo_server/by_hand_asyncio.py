"""An echo server on asyncio streams with the standard library only: handshake and frames by hand."""

import asyncio
import base64
import hashlib
import sys

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LIMIT = 1 << 20
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Failed(Exception):
    """Raised to close the connection with a code."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def frame(opcode, payload):
    """Return a server's frame as bytes."""
    length = len(payload)
    if length < 126:
        return bytes([0x80 | opcode, length]) + payload
    if length < 1 << 16:
        return bytes([0x80 | opcode, 126]) + length.to_bytes(2, "big") + payload
    return bytes([0x80 | opcode, 127]) + length.to_bytes(8, "big") + payload


def unmask(payload, mask):
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.closing = False

    async def shake_hands(self):
        """Answer the request and return whether it asked for a WebSocket."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        key = headers.get("sec-websocket-key")
        if (
            not first.startswith("GET ")
            or headers.get("upgrade", "").lower() != "websocket"
            or "upgrade" not in headers.get("connection", "").lower()
            or headers.get("sec-websocket-version") != "13"
            or key is None
        ):
            status = "426 Upgrade Required" if first.startswith("GET ") else "400 Bad Request"
            text = b"This is a WebSocket server.\n"
            more = f"Content-Length: {len(text)}\r\nUpgrade: websocket\r\nConnection: close\r\n"
            self.writer.write(f"HTTP/1.1 {status}\r\n{more}Sec-WebSocket-Version: 13\r\n\r\n".encode() + text)
            await self.writer.drain()
            return False
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        head = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n"
        self.writer.write(f"{head}Connection: Upgrade\r\n\r\n".encode())
        await self.writer.drain()
        return True

    async def read_frame(self, room):
        """Return fin, opcode and payload of the next frame; a data frame may have up to `room` bytes."""
        first, second = await self.reader.readexactly(2)
        fin, opcode, length = bool(first & 0x80), first & 0x0F, second & 0x7F
        if first & 0x70 or not second & 0x80 or (opcode >= CLOSE and (length > 125 or not fin)):
            raise Failed(1002)
        if length == 126:
            length = int.from_bytes(await self.reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await self.reader.readexactly(8), "big")
        if opcode < CLOSE and length > room:
            raise Failed(1009)
        mask = await self.reader.readexactly(4)
        return fin, opcode, unmask(await self.reader.readexactly(length), mask)

    async def receive(self):
        """Return the next message, or None if the client has closed."""
        message, kind = bytearray(), None
        while True:
            fin, opcode, payload = await self.read_frame(LIMIT - len(message))
            if opcode == CLOSE:
                if not self.closing:
                    self.send(CLOSE, payload[:2])
                return None
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode in (CONTINUATION, TEXT, BINARY) and (opcode == CONTINUATION) == (kind is not None):
                kind = opcode or kind
                message += payload
                if fin and kind == BINARY:
                    raise Failed(1003)
                if fin:
                    try:
                        return message.decode()
                    except UnicodeDecodeError:
                        raise Failed(1007) from None
            elif opcode != PONG:
                raise Failed(1002)

    def send(self, opcode, payload):
        if not self.closing:
            self.closing = opcode == CLOSE
            self.writer.write(frame(opcode, payload))

    def close(self, code):
        self.send(CLOSE, code.to_bytes(2, "big"))

    async def serve(self):
        if not await self.shake_hands():
            return
        try:
            while (message := await self.receive()) is not None:
                if not self.closing:
                    print("From client:", message)
                    self.send(TEXT, b"ECHO! " + message.encode())
                    await self.writer.drain()
                    print("To client: ECHO!", message)
            await self.writer.drain()
        except Failed as failed:
            self.close(failed.code)
            await self.writer.drain()
        # Read until the client closes: closing while bytes arrive resets the connection, and the close frame is lost.
        self.writer.write_eof()
        async with asyncio.timeout(5):
            while await self.reader.read(1 << 16):
                pass


clients = {}


async def meet(reader, writer):
    client = Client(reader, writer)
    clients[client] = asyncio.current_task()
    try:
        await client.serve()
    except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
        pass
    finally:
        del clients[client]
        writer.close()


async def main(port):
    server = await asyncio.start_server(meet, "127.0.0.1", port)
    print(f"Started echo server on 127.0.0.1:{port}")
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        for client in clients:
            client.close(1001)
        if clients:
            await asyncio.wait(clients.values(), timeout=1)


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        print("Ctrl+C")
