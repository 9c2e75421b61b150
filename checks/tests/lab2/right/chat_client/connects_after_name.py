"""A chat client that connects when the name was typed, reads sys.stdin line by line, and logs frames to stderr."""

import logging
import os
import sys
import threading

from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, WebSocketException
from websockets.sync.client import connect


class OneLine(logging.Formatter):
    """Says in one line what went wrong; the library logs tracebacks of what it copes with."""

    def formatException(self, ei):
        return f"({ei[0].__name__}: {ei[1]})"


log = logging.StreamHandler()
log.setFormatter(OneLine("%(relativeCreated)d %(message)s"))
logging.basicConfig(handlers=[log], level=logging.DEBUG)


def lines():
    """Yield each line of standard input after its prompt."""
    print("Enter Your Name: ", end="", flush=True)
    for line in sys.stdin:
        yield line.removesuffix("\n")
        print("Your Message: ", end="", flush=True)


def talk(websocket, name, messages):
    """Send all that is typed, and close."""
    try:
        for text in messages:
            websocket.send(f"{name},{text}")
    except ConnectionClosed:
        return  # the main thread will know
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
    os._exit(exit_code)  # a thread may still wait for the user
