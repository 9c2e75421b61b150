"""An echo client that logs every frame to standard error and offers no compression."""

import asyncio
import logging
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake


class OneLine(logging.Formatter):
    """Logs an error in one line; the library would log a traceback even for errors that it handles."""

    def formatException(self, ei):
        return f"({ei[0].__name__}: {ei[1]})"


log = logging.StreamHandler()
log.setFormatter(OneLine(logging.BASIC_FORMAT))
logging.basicConfig(handlers=[log], level=logging.DEBUG)


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    try:
        websocket = await connect(f"ws://localhost:{port}/", compression=None, close_timeout=2)
    except (OSError, InvalidHandshake) as error:
        logging.error("no server on port %d (%s)", port, error)
        return 2
    try:
        while True:
            text = await asyncio.get_running_loop().run_in_executor(None, input, "Enter some data: ")
            await websocket.send(text)
            print("To server: " + text)
            print("From server: " + await websocket.recv())
    except EOFError:
        await websocket.close(1000, "end of input")
        return 0
    except ConnectionClosed as closed:
        logging.error("connection closed: %s", closed)
        return 2


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
