"""A small web server: pages made on the fly, files, refusals and a form.

Usage: python webserver.py [PORT]

It runs as it is, and answers wrongly where a TODO stands. The lab sheet (README.md) explains each
step; `labcheck lab1` says what is right already.
"""

import html
import os
import shutil
import sys
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote

PORT = 8001
SITE = (Path(__file__).parent / "site").resolve()
FORM_LIMIT = 1024 * 1024  # bytes; a form is kept in memory while it is read
HTML = "text/html; charset=utf-8"

# TODO 3.2: name the type of each ending that the sheet lists, and use the table in send_file().
#   Given:  its first line; `file.suffix` is the ending, with its dot.
#   Done:   `labcheck lab1 --only 3.2`; by hand: curl -i http://localhost:8001/style.css
TYPES = {
    ".html": HTML,
}


def find_file(path: str) -> Path | None:
    """Return the file of site/ that the path of a URL names, or None where there is none."""
    # TODO 3.1: find files in folders too, at any depth.
    #   Given:  `SITE / "a/b.css"` is the file b.css in the folder a of site/.
    #   Done:   http://localhost:8001/Snooker/style.css shows the game's style sheet.
    name = path.rpartition("/")[2]
    # TODO 3.4: decode the name: %C3%A9 is an é, %20 a space.
    #   Given:  unquote(), imported above.
    # TODO 3.5: a path that ends in a slash names the index.html in that folder.
    #   Done:   http://localhost:8001/ is the front page.
    # TODO 4.2: return None for every file that is not really inside site/.
    #   Given:  Path.resolve() follows each ".." and each link; Path.is_relative_to() compares.
    #   Done:   curl --path-as-is http://localhost:8001/../webserver.py gets a 404.
    # TODO 4.3: return None, too, for a name that no file can have: with a NUL, with bytes
    #   that are not UTF-8, or far too long.
    #   Given:  each of these raises a ValueError or an OSError, once asked to.
    file = SITE / name
    return file if file.is_file() else None


def make_page(title: str, *lines: str) -> bytes:
    """Return a web page; the title and the lines are text, and are shown as text."""
    # TODO 2.4: show <, > and & as characters; a browser takes them for markup now.
    #   Given:  the module html, imported above.
    #   Done:   http://localhost:8001/<b>bold</b>.zzz shows the signs, and nothing is bold.
    text = "\n".join(f"<p>{line}</p>" for line in lines)
    return f"<!doctype html>\n<title>{title}</title>\n<h1>{title}</h1>\n{text}\n".encode()


def log(text: str) -> None:
    """Write a line to standard error in one system call.

    Each client is served by a daemon thread. When Python exits while such a thread is inside
    sys.stderr.write(), it finds the stream locked and aborts. os.write() takes no lock.
    """
    os.write(2, f"{text}\n".encode())


class Handler(BaseHTTPRequestHandler):
    """Answers one request of one client."""

    timeout = 30  # seconds of silence until a client that stopped in the middle is let go

    def do_GET(self) -> None:
        # TODO 2.5: the path ends where the query begins, at the first "?".
        path = self.path
        if path.endswith(".zzz"):
            # TODO 2.2: name the whole path, with its folders.
            shown = path.split("/")[1]
            # TODO 2.3: name the day of the year and the year.
            #   Given:  the module time, imported above.
            #   Done:   `labcheck lab1 --only 2.3`; by hand: http://localhost:8001/any.zzz
            day, year = "?", "?"
            self.send_page(f"You requested {shown}", f"This is day {day} of the year {year}.")
        elif file := find_file(path):
            self.send_file(file)
        else:
            # TODO 4.1: refuse with status 404.
            #   Given:  self.send_error(status) sends a whole answer.
            self.send_page("There is nothing here.")

    def do_HEAD(self) -> None:
        # TODO 3.7: answer like do_GET, headers and all, but without the body.
        self.send_error(501)

    def do_POST(self) -> None:
        path = self.path.partition("?")[0]
        # TODO 5.1: read the body, take it apart, and show each field in a line "name: value".
        #   Given:  self.rfile.read(length) waits until it has so many bytes; parse_qsl(),
        #           imported above, leaves empty values out unless told otherwise.
        #   Done:   http://localhost:8001/guestbook.html shows what you entered.
        # TODO 5.2: names and values are UTF-8, and may hold what a browser takes for markup.
        # TODO 5.3: before that, refuse a POST to a file with status 405 (404 where there is no file).
        # TODO 5.4: refuse a Content-Length that is missing, negative or not a number.
        #   Given:  self.headers["Content-Length"] is a text, or None.
        # TODO 5.5: refuse a body of more than FORM_LIMIT bytes with status 413, unread.
        fields: list[tuple[str, str]] = []
        self.send_page("Thank you", *(f"{name}: {value}" for name, value in fields))

    def send_page(self, title: str, *lines: str) -> None:
        page = make_page(title, *lines)
        # TODO 2.1: a page is HTML; a browser shows this one as plain text.
        self.send_head("text/plain; charset=utf-8", len(page))
        self.wfile.write(page)

    def send_file(self, file: Path) -> None:
        # TODO 3.3: send the bytes of the file as they are; a picture is no text.
        #   Given:  file.open("rb"), and shutil.copyfileobj(), which copies piece by piece.
        data = file.read_text("utf-8").encode()
        self.send_head(HTML, len(data))  # TODO 3.2: the type that fits, also for an unknown ending
        self.wfile.write(data)

    def send_head(self, content_type: str, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        # TODO 3.6: say in Content-Length how many bytes the body has.
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        # What a client sent may hold anything, a sequence that recolours the terminal too.
        line = "".join(c if c.isprintable() else "?" for c in format % args)
        log(f"{self.client_address[0]} {line}")


class Server(ThreadingHTTPServer):
    """A thread for each client, so that a slow one holds nobody else up."""

    request_queue_size = 64  # clients who may wait to be let in; the default is 5

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that leaves early is everyday life; anything else is a mistake of ours.
        if not isinstance(sys.exception(), ConnectionError):
            log(traceback.format_exc())


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    with Server(("127.0.0.1", port), Handler) as server:
        print(f"Started HTTP server: http://localhost:{port}/ (Ctrl+C stops it)")
        # TODO 1.3: Ctrl+C raises KeyboardInterrupt here. Say "shutting down" and end quietly.
        server.serve_forever()


if __name__ == "__main__":
    main()
