"""An echo client on websockets.sync."""

import sys

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    try:
        websocket = connect(f"ws://localhost:{port}/", close_timeout=2)
    except (OSError, WebSocketException) as error:
        print(f"Cannot connect to port {port}: {error}", file=sys.stderr)
        return 1
    with websocket:
        while True:
            try:
                line = input("Enter some data: ")
            except EOFError:
                print()
                return 0
            try:
                websocket.send(line)
                print("To server:", line)
                print("From server:", websocket.recv())
            except ConnectionClosed:
                print("The server has closed the connection", file=sys.stderr)
                return 1


if __name__ == "__main__":
    sys.exit(main())
