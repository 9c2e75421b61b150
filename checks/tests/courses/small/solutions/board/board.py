"""A board of notes, over HTTP and WebSocket: python board.py [PORT]."""

import asyncio
import json
import sys

from websockets.asyncio.server import serve

notes: list[str] = []
more = asyncio.Condition()


async def answer(connection, request):
    """Answer an HTTP request; None: it is an opening handshake, which may go on."""
    if request.path == "/notes":
        return respond(connection, 200, {"notes": notes})
    if request.path == "/next":
        number = len(notes)
        async with more:
            await more.wait_for(lambda: len(notes) > number)
        return respond(connection, 200, {"note": notes[number]})
    return None if request.path == "/add" else respond(connection, 404, {"error": "no such page"})


def respond(connection, status, value):
    """Return an answer with a value as JSON."""
    response = connection.respond(status, json.dumps(value))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


async def add(connection):
    """Add the notes that a client sends."""
    async for message in connection:
        async with more:
            notes.append(json.loads(message)["note"])
            more.notify_all()
        await connection.send(json.dumps({"number": len(notes)}))


async def main():
    """Serve until the program is ended."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8102
    async with serve(add, "127.0.0.1", port, process_request=answer, open_timeout=60) as server:
        await server.serve_forever()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
