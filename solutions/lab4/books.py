"""A web service over books: JSON, with caching, compression and redirects.

Usage: python books.py [PORT]
"""

import gzip
import hashlib
import json
import re
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

PORT = 8004
FILE = Path(__file__).with_name("books.json")
WORTH_PACKING = 1024  # bytes; a shorter answer hardly gets smaller
MOST = 1024 * 1024  # bytes of a request's body; all of it is kept in memory

Book = dict[str, Any]
Answer = tuple[int, object, dict[str, str]]  # a status code, a value for the body (None: no body), header fields


class RefusedError(Exception):
    """Ends a request with an error: its status code, a text for the client, and header fields."""

    def __init__(self, status: int, text: str, **fields: str) -> None:
        super().__init__(text)
        self.status = status
        self.fields = fields


class Shelf:
    """All books, by id. The threads of several clients use it at the same time: hold its lock."""

    def __init__(self, books: list[Book]) -> None:
        self.lock = threading.Lock()
        self.books = {book["id"]: book for book in sorted(books, key=lambda book: book["id"])}
        # Kept apart from the books: the highest id must not be used again after its book was deleted.
        self.last_id = max(self.books, default=0)
        now = int(time.time())  # a date in HTTP has whole seconds
        self.changed = dict.fromkeys(self.books, now)
        self.list_changed = now

    def put(self, id: int, book: Book) -> Book:
        """Store a book under an id, new or not, and return it with that id."""
        self.books[id] = {"id": id, **book}
        self.changed[id] = self.list_changed = int(time.time())
        return self.books[id]

    def add(self, book: Book) -> Book:
        self.last_id += 1
        return self.put(self.last_id, book)

    def remove(self, id: int) -> None:
        del self.books[id], self.changed[id]
        self.list_changed = int(time.time())


def checked(value: object) -> Book:
    """Return what a client sent if it is a book without an id."""
    if not isinstance(value, dict) or value.keys() != {"title", "author", "year"}:
        raise RefusedError(400, "a book is an object with the members title, author and year")
    for name in ("title", "author"):
        if not isinstance(value[name], str) or not value[name]:
            raise RefusedError(400, f"the {name} is a string that is not empty")
    if type(value["year"]) is not int:  # in Python, True is an int as well
        raise RefusedError(400, "the year is a whole number")
    return value


def accepts_gzip(field: str) -> bool:
    """Return whether Accept-Encoding allows gzip (RFC 9110, section 12.5.3)."""
    weights: dict[str, float] = {}
    for item in field.lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        weights[coding] = float(weight) if re.fullmatch(r"[01](\.\d{0,3})?", weight) else 0
    return weights.get("gzip", weights.get("*", 0)) > 0


def names(field: str, tag: str, *, weak: bool) -> bool:
    """Return whether If-Match or If-None-Match names a tag (RFC 9110, section 8.8.3.2).

    `weak`: a tag that is marked with W/ may be the same. That is enough to show a page, not to change it.
    """
    if field.strip() == "*":
        return True
    found = re.findall(r'(W/)?("[^"]*")', field)
    return any(each == tag and (weak or not mark) for mark, each in found)


def seconds(date: str) -> float | None:
    """Return an HTTP date as seconds since 1970; None for any other text, which a server must ignore."""
    try:
        found = parsedate_to_datetime(date)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def is_own_path(target: str) -> bool:
    """Return whether a redirect to this target stays on this server."""
    # A browser reads //host and /\host as the name of another one, and a line break would begin the next field.
    # So only the characters are let through that a URL may have (RFC 3986, section 2).
    return re.fullmatch(r"/(?!/)[\w.~!$&'()*+,;=:@/?#%-]*", target, re.ASCII) is not None


class Handler(BaseHTTPRequestHandler):
    """Handles the requests of one client."""

    protocol_version = "HTTP/1.1"  # the connection stays open, so each answer says where it ends
    timeout = 30  # seconds without a byte until the connection is closed
    wbufsize = -1  # header and body are sent together, at the end of each request
    shelf: Shelf

    def answer(self) -> None:
        """Read a request, find the function for its path and method, and send what that returns or refuses."""
        path, mark, query = self.path.partition("?")
        self.query = mark + query
        try:
            self.body = self.read_body()
            with self.shelf.lock:
                answer = self.find(path)()
        except RefusedError as refused:
            answer = refused.status, {"error": str(refused)}, refused.fields
        self.send(*answer)  # without the lock: a slow client holds up nobody else

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not re.fullmatch(r"[0-9]{1,18}", length):
            self.close_connection = True  # nobody knows where the next request begins
            raise RefusedError(411, "send the length of the body in Content-Length")
        if int(length) > MOST:
            self.close_connection = True
            raise RefusedError(413, f"a body has at most {MOST} bytes")
        return self.rfile.read(int(length))

    def find(self, path: str) -> Callable[[], Answer]:
        """Return the function that answers this request."""
        resources = {
            r"/books": {"GET": self.show_list, "POST": self.add_book},
            r"/books/": dict.fromkeys(("GET", "POST"), self.drop_slash),
            r"/books/([0-9]{1,18})": {"GET": self.show_book, "PUT": self.replace_book, "DELETE": self.delete_book},
            r"/book/([0-9]{1,18})": {"GET": self.show_new_address},
            r"/latest": {"GET": self.show_latest},
            r"/go": {"GET": self.go},
        }
        for pattern, methods in resources.items():
            if match := re.fullmatch(pattern, path):
                self.id = int(match[1]) if match.groups() else 0
                method = "GET" if self.command == "HEAD" else self.command
                if method in methods:
                    return methods[method]
                allowed = [*methods, *(["HEAD"] if "GET" in methods else [])]
                raise RefusedError(405, f"{path} has no {self.command}", Allow=", ".join(allowed))
        raise RefusedError(404, f"there is no {path}")

    # --- 1 Resources ---

    def show_list(self) -> Answer:
        return self.cached([*self.shelf.books.values()], self.shelf.list_changed)

    def show_book(self) -> Answer:
        return self.cached(self.known_book(), self.shelf.changed[self.id])

    def add_book(self) -> Answer:
        book = self.shelf.add(self.sent_book())
        return 201, book, {"Location": f"/books/{book['id']}"}

    def replace_book(self) -> Answer:
        self.known_book()
        book = self.sent_book()
        self.expect_match()
        # Without an ETag: what is stored has an id, so it is not what the client sent (RFC 9110, section 9.3.4).
        return 200, self.shelf.put(self.id, book), {}

    def delete_book(self) -> Answer:
        self.known_book()
        self.expect_match()
        self.shelf.remove(self.id)
        return 204, None, {}

    def known_book(self) -> Book:
        """Return the book that the path names."""
        if self.id not in self.shelf.books:
            raise RefusedError(404, f"there is no book {self.id}")
        return self.shelf.books[self.id]

    def sent_book(self) -> Book:
        """Return the book in the body of the request."""
        if self.headers.get_content_type() != "application/json" or "Content-Type" not in self.headers:
            raise RefusedError(415, "the media type of a book is application/json")
        try:
            value = json.loads(self.body.decode())
        except (ValueError, RecursionError) as error:
            raise RefusedError(400, f"the body is not JSON: {error}") from None
        return checked(value)

    # --- 2 Caching, 3 Compression ---

    def cached(self, value: object, changed: int) -> Answer:
        """Return the answer to a GET: the value, or 304 if the client has it already."""
        body = to_json(value)
        fields = {"Cache-Control": "no-cache", "Last-Modified": formatdate(changed, usegmt=True)}
        packs = len(body) > WORTH_PACKING and accepts_gzip(self.all_of("Accept-Encoding"))
        if len(body) > WORTH_PACKING:
            fields["Vary"] = "Accept-Encoding"  # in both kinds: a cache must not give one to a client of the other
        fields["ETag"] = tag_of(body, packed=packs)
        if self.is_known(fields["ETag"], changed):
            return 304, None, fields
        if packs:
            fields["Content-Encoding"] = "gzip"
            body = gzip.compress(body, mtime=0)  # without the time, the same answer is the same bytes
        return 200, body, fields

    def is_known(self, tag: str, changed: int) -> bool:
        """Return whether the client has this version already (RFC 9110, section 13.2.2)."""
        if "If-None-Match" in self.headers:  # it is exact, so a date beside it does not count
            return names(self.all_of("If-None-Match"), tag, weak=True)
        since = seconds(self.headers.get("If-Modified-Since", ""))
        return since is not None and changed <= since

    def expect_match(self) -> None:
        """Refuse a change of a version that the client has not seen: somebody else has changed it first."""
        tag = tag_of(to_json(self.shelf.books[self.id]), packed=False)
        if "If-Match" in self.headers and not names(self.all_of("If-Match"), tag, weak=False):
            raise RefusedError(412, "the book has changed; get it again first")

    def all_of(self, name: str) -> str:
        """Return the value of a field that is a list; it may have been sent in several lines."""
        return ", ".join(self.headers.get_all(name, []))

    # --- 4 Redirects ---

    def show_new_address(self) -> Answer:
        return 308, None, {"Location": f"/books/{self.id}{self.query}"}

    def drop_slash(self) -> Answer:
        # After a 301, many clients would send a GET instead of repeating the POST.
        return 308, None, {"Location": f"/books{self.query}"}

    def show_latest(self) -> Answer:
        if not self.shelf.books:
            raise RefusedError(404, "there is no book")
        newest = max(self.shelf.books)  # ids only grow
        return 302, None, {"Location": f"/books/{newest}", "Cache-Control": "no-store"}

    def go(self) -> Answer:
        targets = parse_qs(self.query[1:]).get("to", [])
        if len(targets) != 1 or not is_own_path(targets[0]):
            raise RefusedError(400, "to is a path of this service")
        return 302, None, {"Location": targets[0]}

    # --- Answers ---

    def send(self, status: int, value: object, fields: dict[str, str]) -> None:
        """Send an answer. A value that is bytes is JSON already, perhaps packed."""
        body = value if isinstance(value, bytes) else to_json(value)
        self.send_response(status)
        for name, text in fields.items():
            self.send_header(name, text)
        if value is not None:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        elif status not in (204, 304):  # these never have a body (RFC 9112, section 6.3); the others have an empty one
            self.send_header("Content-Length", "0")
        self.end_headers()
        if self.command != "HEAD" and value is not None:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        line = format % args
        sys.stderr.write(f"{line.encode('ascii', 'backslashreplace').decode()}\n")


def to_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def tag_of(body: bytes, *, packed: bool) -> str:
    """Return a strong tag: other bytes have another one, so the packed kind of an answer does, too."""
    return f'"{hashlib.sha256(body).hexdigest()[:24]}{"-gzip" if packed else ""}"'


class Server(ThreadingHTTPServer):
    """Serves each client in its own thread."""

    request_queue_size = 64  # connections that may wait to be accepted; the default is 5

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that leaves early is normal; anything else is a bug in this program.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    Handler.shelf = Shelf(json.loads(FILE.read_text("utf-8")))
    try:
        with Server(("127.0.0.1", port), Handler) as server:
            print(f"Started book service: http://localhost:{port}/books (Ctrl+C stops it)")
            server.serve_forever()
    except KeyboardInterrupt:
        print("Ctrl+C: shutting down")


if __name__ == "__main__":
    main()
