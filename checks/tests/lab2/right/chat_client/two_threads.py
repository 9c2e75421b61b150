"""A chat client on websockets.sync: two threads print in pieces, which may be mixed."""

import os
import sys
import threading

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

leaving = threading.Event()


def think():
    """Wait a moment: print() without a buffer writes in pieces, and another thread may run between two of them."""
    sum(range(1_000_000))


def receive(websocket):
    try:
        while True:
            answer = websocket.recv()
            print("From server: ", end="")
            think()
            print(answer)
    except ConnectionClosed as closed:
        if not leaving.is_set():
            print("The server has gone:", closed, file=sys.stderr)
            os._exit(1)  # the main thread waits in input()


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    try:
        websocket = connect(f"ws://localhost:{port}/", close_timeout=2)
    except (OSError, WebSocketException) as error:
        sys.exit(f"Cannot connect to port {port}: {error}")
    receiver = threading.Thread(target=receive, args=(websocket,), daemon=True)
    receiver.start()
    try:
        name = input("Enter Your Name: ")
        while True:
            line = input("Your Message: ")
            websocket.send(f"{name},{line}")
            think()
            print("You said: ", end="")
            think()
            print(line)
    except EOFError:
        leaving.set()
        websocket.close()
    except ConnectionClosed:
        receiver.join()


if __name__ == "__main__":
    main()
