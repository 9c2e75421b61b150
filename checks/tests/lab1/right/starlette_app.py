"""A web server with Starlette and its own StaticFiles, run by uvicorn."""

import sys
import time
from contextlib import suppress
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

SITE = Path(__file__).parent / "site"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
MAX_FORM = 1024 * 1024


def sent_path(scope) -> str:
    return scope["raw_path"].decode("latin-1").partition("?")[0]


class Pages:
    """Send the paths that end in .zzz to the page, all others to the files."""

    def __init__(self, page, files):
        self.page, self.files = page, files

    async def __call__(self, scope, receive, send):
        is_page = sent_path(scope).endswith(".zzz")
        await (self.page if is_page else self.files)(scope, receive, send)


class Files(StaticFiles):
    """StaticFiles, which never leaves its folder, with octet-stream where it would send text/plain."""

    async def get_response(self, path: str, scope) -> Response:
        try:
            unquote(sent_path(scope), errors="strict")
            if sent_path(scope).endswith("/") and (SITE / path).is_file():
                raise HTTPException(404)
            response = await super().get_response(path, scope)
        except (OSError, ValueError):
            raise HTTPException(404) from None
        if response.status_code == 200:
            ending = Path("index.html" if sent_path(scope).endswith("/") else unquote(sent_path(scope))).suffix
            response.headers["Content-Type"] = TYPES.get(ending.lower(), "application/octet-stream")
        return response


async def page(request: Request) -> Response:
    fields = []
    if request.method == "POST":
        length = request.headers.get("content-length")
        if length is None:
            raise HTTPException(411, headers={"Connection": "close"})
        if int(length) > MAX_FORM:
            raise HTTPException(413, headers={"Connection": "close"})
        fields = parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
    now = time.localtime()
    rows = "\n".join(f"<li>{escape(name)}: {escape(value)}</li>" for name, value in fields)
    path = escape(unquote(sent_path(request.scope)))
    return HTMLResponse(f"<title>{path}</title><p>{path}</p><p>day {now.tm_yday} {now.tm_year}</p><ul>{rows}</ul>")


class Server(uvicorn.Server):
    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        print("Started HTTP server with uvicorn")


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    pages = Route("/{path:path}", page, methods=["GET", "POST"])
    files = Files(directory=SITE, html=True)
    app = Starlette(routes=[Mount("", Pages(pages.handle, files))])
    config = uvicorn.Config(app, port=port, http="h11", log_level="warning", timeout_graceful_shutdown=1)
    with suppress(KeyboardInterrupt):
        Server(config).run()
    print("shutting down")


if __name__ == "__main__":
    main()
