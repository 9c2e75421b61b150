"""An echo server on websockets.sync: a thread for each client."""

import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


def say(line):
    """Print a line in one piece, even if other threads print at the same time."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def echo(connection):
    try:
        for message in connection:
            say(f"From client: {message}")
            answer = "ECHO! " + message
            connection.send(answer)
            say(f"To client: {answer}")
    except ConnectionClosed:
        say("A client has gone without a close frame")


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    with serve(echo, "127.0.0.1", port, close_timeout=1) as server:
        say(f"Waiting for clients on port {port}")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("Shutting down")


if __name__ == "__main__":
    main()
