"""An echo server with aiohttp, run by its run_app."""

import sys

from aiohttp import WSCloseCode, WSMsgType, web

LIMIT = 1 << 20
CLIENTS = web.AppKey("clients", set)


async def echo(request):
    # aiohttp cuts the connection if a message exceeds max_msg_size; below this high limit, the handler sends code 1009.
    websocket = web.WebSocketResponse(max_msg_size=64 << 20, timeout=1)
    await websocket.prepare(request)
    request.app[CLIENTS].add(websocket)
    try:
        async for message in websocket:
            if message.type is not WSMsgType.TEXT:
                break
            if len(message.data) > LIMIT:
                await websocket.close(code=WSCloseCode.MESSAGE_TOO_BIG)
                break
            print("From client:", message.data)
            await websocket.send_str("ECHO! " + message.data)
            print("To client: ECHO!", message.data)
    except ConnectionError:
        print("A client has vanished")
    finally:
        request.app[CLIENTS].discard(websocket)
    return websocket


async def close_clients(app):
    for websocket in list(app[CLIENTS]):
        await websocket.close(code=WSCloseCode.GOING_AWAY, message=b"Server shutdown", drain=False)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    app = web.Application()
    app[CLIENTS] = set()
    app.router.add_get("/", echo)
    app.on_shutdown.append(close_clients)
    web.run_app(app, host="127.0.0.1", port=port, shutdown_timeout=1)


if __name__ == "__main__":
    main()
