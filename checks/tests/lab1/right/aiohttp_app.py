"""A web server with aiohttp."""

import asyncio
import sys
import time
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

from aiohttp import web

SITE = (Path(__file__).parent / "site").resolve()
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
LARGEST_FORM = 1024 * 1024


async def get(request: web.Request) -> web.StreamResponse:
    path = request.raw_path.partition("?")[0]
    if path.endswith(".zzz"):
        return page(path)
    try:
        name = unquote_to_bytes(path).decode()[1:]
        file = (SITE / (name + "index.html" if not name or name.endswith("/") else name)).resolve()
        if not (file.is_relative_to(SITE) and file.is_file()):
            raise web.HTTPNotFound
    except (OSError, RuntimeError, ValueError):
        raise web.HTTPNotFound from None
    return web.FileResponse(file, headers={"Content-Type": TYPES.get(file.suffix, "application/octet-stream")})


async def post(request: web.Request) -> web.Response:
    path = request.raw_path.partition("?")[0]
    if not path.endswith(".zzz"):
        raise web.HTTPMethodNotAllowed("POST", ["GET", "HEAD"])
    if (request.content_length or 0) > LARGEST_FORM:
        raise web.HTTPRequestEntityTooLarge(LARGEST_FORM, request.content_length)
    form = await request.read()  # request.post() accepts at most 1,000 fields, and a form may have more
    return page(path, parse_qsl(form.decode(errors="replace"), keep_blank_values=True))


def page(path: str, fields=()) -> web.Response:
    """Answer with a page that shows the path, the date and the fields of a form."""
    now = time.localtime()
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in fields)
    text = f"<h1>{escape(unquote(path))}</h1><p>{now.tm_year}, day {now.tm_yday}</p><table>{rows}</table>"
    return web.Response(text=f"<!doctype html><title>aiohttp</title>{text}", content_type="text/html")


async def serve(port: int) -> None:
    app = web.Application(client_max_size=LARGEST_FORM + 1)
    app.router.add_get("/{path:.*}", get)
    app.router.add_post("/{path:.*}", post)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        print("Started HTTP server, port", port)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    try:
        asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8001))
    except KeyboardInterrupt:
        print("Shutting down aiohttp")
