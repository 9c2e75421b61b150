"""An echo server on websockets.asyncio with recv() in an endless loop; it accepts no path other than /."""

import asyncio
import sys
from http import HTTPStatus

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK


def only_root(connection, request):
    if request.path.partition("?")[0] != "/":
        return connection.respond(HTTPStatus.NOT_FOUND, "There is nothing here.\n")
    return None


async def handle(websocket):
    while True:
        try:
            data = await websocket.recv()
        except ConnectionClosedOK:
            print("Client has left")
            break
        except ConnectionClosedError as error:
            print("Connection lost:", error)
            break
        print("From client:", data)
        reply = f"ECHO! {data}"
        try:
            await websocket.send(reply)
        except (ConnectionClosedOK, ConnectionClosedError):
            print("Client did not wait for the answer")
            break
        print("To client:", reply)


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    server = await serve(handle, "127.0.0.1", port, process_request=only_root, close_timeout=1)
    print(f"Echo server: ws://127.0.0.1:{port}/")
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        server.close()
        await server.wait_closed()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("Stopped by the user")
