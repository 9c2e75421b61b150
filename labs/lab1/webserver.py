"""A small web server: pages made on the fly, files, refusals and a form.

Usage: python webserver.py [PORT]

It runs as it is, but its answers are wrong where there is a TODO. The lab sheet (README.md)
explains each step; `labcheck lab1` shows which requirements already pass.
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
FORM_LIMIT = 1024 * 1024  # bytes; the whole form is kept in memory
HTML = "text/html; charset=utf-8"

# TODO 3.2: add the type of each ending that the sheet lists, and use the table in send_file().
#   Given:  the first entry; `file.suffix` is the ending of a file's name, with its dot.
#   Done:   `labcheck lab1 --only 3.2`; by hand: curl -i http://localhost:8001/style.css
TYPES = {
    ".html": HTML,
}


def find_file(path: str) -> Path | None:
    """Return the file in site/ that a URL's path names, or None if there is no such file."""
    # TODO 3.1: find files in folders as well, at any depth.
    #   Given:  `SITE / "a/b.css"` is the file b.css in the folder site/a.
    #   Done:   http://localhost:8001/Snooker/style.css shows the game's style sheet.
    name = path.rpartition("/")[2]
    # TODO 3.4: decode the name: %C3%A9 is é, and %20 is a space.
    #   Given:  unquote(), imported above.
    # TODO 3.5: a path that ends in a slash means the index.html in that folder.
    #   Done:   http://localhost:8001/ is the front page.
    # TODO 4.2: return None for every file that is not really inside site/.
    #   Given:  Path.resolve() follows each ".." and each link; Path.is_relative_to() tests
    #           whether a path is inside a folder.
    #   Done:   curl --path-as-is http://localhost:8001/../webserver.py gets a 404.
    # TODO 4.3: also return None for a name that no file can have: one with a NUL, one that is
    #   not UTF-8, or one that is far too long.
    #   Given:  such a name can raise a ValueError or an OSError; in unquote() only with
    #           errors="strict".
    file = SITE / name
    return file if file.is_file() else None


def make_page(title: str, *lines: str) -> bytes:
    """Return a web page that shows a title and lines of plain text."""
    # TODO 2.4: show <, > and & as characters; now a browser reads them as markup.
    #   Given:  the module html, imported above.
    #   Done:   http://localhost:8001/<b>bold</b>.zzz shows the tags, and nothing is bold.
    text = "\n".join(f"<p>{line}</p>" for line in lines)
    return f"""<!doctype html>
<html lang="en">
<title>{title}</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/style.css">
<main class="lines">
<a href="/">Front page</a>
<h1>{title}</h1>
{text}
</main>
""".encode()


def log(text: str) -> None:
    """Write a line to standard error in one system call.

    A daemon thread serves each client. If Python exits while such a thread is inside
    sys.stderr.write(), Python finds the stream locked and aborts. os.write() takes no lock.
    """
    os.write(2, f"{text}\n".encode())


class Handler(BaseHTTPRequestHandler):
    """Handles one request from one client."""

    timeout = 30  # seconds without a byte until the connection to a client is closed

    def do_GET(self) -> None:
        # TODO 2.5: the path ends where the query begins, at the first "?".
        path = self.path
        if path.endswith(".zzz"):
            # TODO 2.2: show the whole path, with its folders.
            shown = path.split("/")[1]
            # TODO 2.3: show the day of the year and the year.
            #   Given:  the module time, imported above.
            #   Done:   `labcheck lab1 --only 2.3`; by hand: http://localhost:8001/any.zzz
            day, year = "?", "?"
            self.send_page(f"You requested {shown}", f"This is day {day} of the year {year}.")
        elif file := find_file(path):
            self.send_file(file)
        else:
            # TODO 4.1: answer with status code 404.
            #   Given:  self.send_error(code) sends a complete answer.
            self.send_page("There is nothing here.")

    def do_HEAD(self) -> None:
        # TODO 3.7: answer as do_GET does, with the same header fields, but without the body.
        self.send_error(501)

    def do_POST(self) -> None:
        path = self.path.partition("?")[0]
        # TODO 5.1: read the body, split it into fields, and show each as a line "name: value".
        #   Given:  self.rfile.read(length) waits until it has `length` bytes; parse_qsl(),
        #           imported above, drops empty values unless an argument keeps them.
        #   Done:   http://localhost:8001/guestbook.html shows what you entered.
        # TODO 5.2: names and values are UTF-8, and may contain what a browser reads as markup.
        # TODO 5.3: before that, answer 405 to a POST to a file (404 if there is no such file).
        # TODO 5.4: answer 400 if Content-Length is missing, negative or not a number.
        #   Given:  self.headers["Content-Length"] is a string, or None.
        # TODO 5.5: answer 413 to a body of more than FORM_LIMIT bytes, without reading it.
        fields: list[tuple[str, str]] = []
        self.send_page("Thank you", *(f"{name}: {value}" for name, value in fields))

    def send_page(self, title: str, *lines: str) -> None:
        page = make_page(title, *lines)
        # TODO 2.1: a page is HTML, but a browser shows this one as plain text.
        self.send_head("text/plain; charset=utf-8", len(page))
        self.wfile.write(page)

    def send_file(self, file: Path) -> None:
        # TODO 3.3: send the bytes of the file as they are; a picture is not text.
        #   Given:  file.open("rb"), and shutil.copyfileobj(), which copies in pieces.
        data = file.read_text("utf-8").encode()
        self.send_head(HTML, len(data))  # TODO 3.2: the right type, also for an unknown ending
        self.wfile.write(data)

    def send_head(self, content_type: str, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        # TODO 3.6: send Content-Length, the number of bytes in the body.
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        # A client can send anything, even an escape sequence that recolors the terminal.
        line = "".join(c if c.isprintable() else "?" for c in format % args)
        log(f"{self.client_address[0]} {line}")


class Server(ThreadingHTTPServer):
    """Serves each client in its own thread: a slow client does not hold up the others."""

    request_queue_size = 64  # connections that may wait to be accepted; the default is 5

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that leaves early is normal; anything else is a bug in this program.
        if not isinstance(sys.exception(), ConnectionError):
            log(traceback.format_exc())


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    with Server(("127.0.0.1", port), Handler) as server:
        print(f"Started HTTP server: http://localhost:{port}/ (Ctrl+C stops it)")
        # TODO 1.3: Ctrl+C raises KeyboardInterrupt here. Print "shutting down" and end normally.
        server.serve_forever()


if __name__ == "__main__":
    main()
