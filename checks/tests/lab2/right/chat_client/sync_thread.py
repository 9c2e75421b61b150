"""A chat client on websockets.sync: one thread receives, the main thread asks; it exits when the server goes away."""

import os
import sys
import threading

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

leaving = threading.Event()


def receive(websocket):
    try:
        while True:
            message = websocket.recv()
            sys.stdout.write(f"From server: {message}\n")
            sys.stdout.flush()
    except ConnectionClosed as closed:
        if not leaving.is_set():
            print("The server has gone:", closed, file=sys.stderr, flush=True)
            os._exit(1)  # the main thread waits in input()


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    try:
        websocket = connect(f"ws://localhost:{port}/", close_timeout=2)
    except (OSError, WebSocketException) as error:
        print(f"Cannot connect to port {port}: {error}", file=sys.stderr)
        sys.exit(1)
    receiver = threading.Thread(target=receive, args=(websocket,), daemon=True)
    receiver.start()
    try:
        name = input("Enter Your Name: ")
        while True:
            websocket.send(f"{name},{input('Your Message: ')}")
    except EOFError:
        leaving.set()
        websocket.close()
        receiver.join()
    except ConnectionClosed:
        receiver.join()


if __name__ == "__main__":
    main()
