"""A chat client that connects after the name is typed, reads sys.stdin line by line and logs frames to stderr."""

import logging
import os
import sys
import threading

from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, WebSocketException
from websockets.sync.client import connect


class OneLine(logging.Formatter):
    """Logs an error in one line; the library would log a traceback even for errors that it handles."""

    def formatException(self, ei):
        return f"({ei[0].__name__}: {ei[1]})"


log = logging.StreamHandler()
log.setFormatter(OneLine("%(relativeCreated)d %(message)s"))
logging.basicConfig(handlers=[log], level=logging.DEBUG)


def lines():
    """Print a prompt and yield a line of standard input, again and again."""
    print("Enter Your Name: ", end="", flush=True)
    for line in sys.stdin:
        yield line.removesuffix("\n")
        print("Your Message: ", end="", flush=True)


def talk(websocket, name, messages):
    """Send each typed line, then close."""
    try:
        for text in messages:
            websocket.send(f"{name},{text}")
    except ConnectionClosed:
        return  # the main thread notices it
    websocket.close()


def main(port):
    messages = lines()
    name = next(messages, None)
    if name is None:
        return 0
    try:
        with connect(f"ws://localhost:{port}/", close_timeout=2) as websocket:
            threading.Thread(target=talk, args=(websocket, name, messages), daemon=True).start()
            try:
                for message in websocket:
                    print(f"From server: {message}", flush=True)
                websocket.recv()
            except ConnectionClosedOK as closed:
                if closed.rcvd_then_sent is False:
                    return 0
                logging.error("the server has closed the connection")
                return 1
    except (OSError, WebSocketException) as error:
        logging.error("trouble with port %d: %s", port, error)
        return 1


if __name__ == "__main__":
    exit_code = main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002)
    logging.shutdown()
    sys.stdout.flush()
    os._exit(exit_code)  # a thread may still be waiting for the user
