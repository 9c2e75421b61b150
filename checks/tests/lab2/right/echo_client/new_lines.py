"""An echo client that ends the prompt's line before it prints, and prints both lines when the answer arrives."""

import sys

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect


def lines():
    """Yield each line that the user types."""
    while True:
        print("Enter some data: ", end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        yield line[:-1] if line.endswith("\n") else line


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    print("Welcome to the echo client.\nType something, end with Ctrl+D.\n")
    try:
        with connect(f"ws://localhost:{port}", close_timeout=2) as websocket:
            print("Connected.")
            for line in lines():
                websocket.send(line)
                answer = websocket.recv()
                print(f"\nTo server: {line}\nFrom server: {answer}\n")
            print("\nLeaving ...")
    except (OSError, WebSocketException) as error:
        print(f"\n*** {type(error).__name__} on port {port}: {error}", file=sys.stderr)
        sys.exit(1)
    print("Bye.")


if __name__ == "__main__":
    main()
