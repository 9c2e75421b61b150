"""A web server with Tornado and its own StaticFileHandler."""

import asyncio
import os
import sys
import time
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import tornado.web
from tornado.escape import xhtml_escape

SITE = os.path.realpath(Path(__file__).parent / "site")
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "application/javascript",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
MEBIBYTE = 1 << 20
FAR_MORE = 1 << 60


@tornado.web.stream_request_body
class Page(tornado.web.RequestHandler):
    """Serves pages made on the fly; streams the request to refuse a form that is too large before it arrives."""

    def prepare(self):
        self.body = b""
        announced = self.request.headers.get("Content-Length", "0")
        if not (announced.isascii() and announced.isdigit()):
            raise tornado.web.HTTPError(400)
        if int(announced) > MEBIBYTE:
            raise tornado.web.HTTPError(413)

    def data_received(self, chunk):
        self.body += chunk
        if len(self.body) > MEBIBYTE:
            raise tornado.web.HTTPError(413)

    def get(self):
        now = time.localtime()
        path = xhtml_escape(unquote(self.request.path))
        self.write(f"<!doctype html><title>Tornado</title><h1>{path}</h1><p>Day {now.tm_yday}, year {now.tm_year}")
        for name, value in parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True):
            self.write(f"<p><b>{xhtml_escape(name)}</b> {xhtml_escape(value)}")

    head = post = get


class Files(tornado.web.StaticFileHandler):
    def validate_absolute_path(self, root, absolute_path):
        """Also refuse files that are outside after following links: Tornado only compares names."""
        try:
            for path in (absolute_path, os.path.join(absolute_path, "index.html")):
                if not (os.path.realpath(path) + os.sep).startswith(SITE + os.sep):
                    raise tornado.web.HTTPError(403)
            if self.request.path.endswith("/") and os.path.isfile(absolute_path):
                raise tornado.web.HTTPError(404)
            return super().validate_absolute_path(root, absolute_path)
        except (OSError, ValueError, tornado.web.HTTPError):
            raise tornado.web.HTTPError(404) from None

    def get_content_type(self):
        return TYPES.get(os.path.splitext(self.absolute_path)[1].lower(), "application/octet-stream")


async def serve(port):
    files = {"path": SITE, "default_filename": "index.html"}
    app = tornado.web.Application([(r".*\.zzz", Page), (r"/(.*)", Files, files)], log_function=lambda handler: None)
    app.listen(port, "127.0.0.1", max_body_size=FAR_MORE)
    print("Started HTTP server", f"(Tornado {tornado.version}, port {port})")
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8001))
    except KeyboardInterrupt:
        print("Tornado is shutting down")
