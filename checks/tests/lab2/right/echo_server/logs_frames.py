"""An echo server that logs every frame to standard error and listens on all addresses of `localhost`."""

import asyncio
import logging
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


class OneLine(logging.Formatter):
    """Logs an error in one line; the library would log a traceback even for errors that it handles."""

    def formatException(self, ei):
        return f"({ei[0].__name__}: {ei[1]})"


log = logging.StreamHandler()
log.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
logging.basicConfig(handlers=[log], level=logging.DEBUG)


async def echo(websocket):
    try:
        async for message in websocket:
            print(f"From client: {message}")
            await websocket.send(f"ECHO! {message}")
            print(f"To client: ECHO! {message}")
    except ConnectionClosed as closed:
        logging.warning("lost a client: %s", closed)


async def main(port):
    async with serve(echo, "localhost", port, close_timeout=1) as server:
        logging.info("listening on %s", [listener.getsockname() for listener in server.sockets])
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002))
    except KeyboardInterrupt:
        logging.info("Ctrl+C")
