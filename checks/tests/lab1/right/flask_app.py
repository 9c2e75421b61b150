"""A web server with Flask, on werkzeug's threaded development server."""

import sys
import time
from pathlib import Path

from flask import Flask, abort, render_template_string, request, send_file
from werkzeug.routing import BaseConverter
from werkzeug.serving import make_server

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
PAGE = """<!doctype html>
<title>Flask</title>
<p>{{ path }} was asked for on day {{ now.tm_yday }} of {{ now.tm_year }}.</p>
<dl>
{% for name, value in fields %}<dt>{{ name }}</dt><dd>{{ value }}</dd>
{% endfor %}</dl>
"""


class Anything(BaseConverter):
    """The whole path with any characters: the converter `path` refuses a leading slash."""

    regex = ".*?"
    part_isolating = False


app = Flask(__name__, static_folder=None)
app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = 1024 * 1024
app.url_map.merge_slashes = False
app.url_map.converters["anything"] = Anything


@app.route("/<anything:name>", methods=["GET", "POST"])
def everything(name):
    sent_path = request.environ["REQUEST_URI"].partition("?")[0]
    if sent_path.endswith(".zzz"):
        return page(sent_path)
    if request.method == "POST":
        abort(405)
    return send_site_file(name)


def page(sent_path):
    """Render a page that shows the path, the date and the fields of a form."""
    fields = []
    if request.method == "POST":
        length = request.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            abort(411)
        fields = list(request.form.items(multi=True))
    return render_template_string(PAGE, path=sent_path, now=time.localtime(), fields=fields)


def send_site_file(name):
    """Send the file in site/ that has a decoded name."""
    try:
        # Bytes that are not UTF-8 have been replaced by U+FFFD, which no file has in its name.
        file = (SITE / (name + "index.html" if not name or name.endswith("/") else name)).resolve()
        if "\ufffd" not in name and file.is_relative_to(SITE) and file.is_file():
            return send_file(file, mimetype=TYPES.get(file.suffix.lower(), "application/octet-stream"))
    except (OSError, RuntimeError, ValueError):
        pass
    return abort(404)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    server = make_server("127.0.0.1", port, app, threaded=True)
    try:
        print(f"Started HTTP server: Flask at http://127.0.0.1:{port}")
        server.serve_forever()  # werkzeug's server returns after Ctrl+C
    except KeyboardInterrupt:
        pass
    print("shutting down Flask")


if __name__ == "__main__":
    main()
