"""An echo server with two threads for each client, which print at the same time."""

import sys
import threading
from queue import SimpleQueue

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


def write(connection, answers):
    try:
        while (answer := answers.get()) is not None:
            print("To client:", answer)
            connection.send(answer)
    except ConnectionClosed:
        pass


def echo(connection):
    answers = SimpleQueue()
    writer = threading.Thread(target=write, args=(connection, answers))
    writer.start()
    try:
        for message in connection:
            answers.put(f"ECHO! {message}")
            print("From client:", message)
    except ConnectionClosed:
        pass
    finally:
        answers.put(None)
        writer.join()


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    with serve(echo, "127.0.0.1", port, close_timeout=1) as server:
        print(f"Waiting for clients on port {port}")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("Shutting down")


if __name__ == "__main__":
    main()
