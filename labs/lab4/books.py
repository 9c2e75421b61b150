"""A web service over books: JSON, with caching, compression and redirects.

Usage: python books.py [PORT]

It runs as it is, but its answers are wrong where there is a TODO. The lab sheet (README.md)
explains each step; `labcheck lab4` shows which requirements already pass.
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
    # TODO 1.5: refuse everything that is not a book, before anything is stored.
    #   Given:  raise RefusedError(400, "the reason") ends the request with that status.
    #   Done:   `labcheck lab4 --only 1.5`; by hand: curl -i --json '{"title": ""}' http://localhost:8004/books
    return dict(value)  # type: ignore[call-overload, no-any-return]


def accepts_gzip(field: str) -> bool:
    """Return whether Accept-Encoding allows gzip (RFC 9110, section 12.5.3)."""
    # TODO 3.1: find gzip in the list, in capital letters too.
    # TODO 3.2: leave it if its weight is 0, as in `gzip;q=0`.
    #   Given:  the value of the field, such as `br, gzip;q=0.5`; empty if there is no such field.
    #   Done:   curl -i --compressed http://localhost:8004/books shows Content-Encoding: gzip.
    return False


def names(field: str, tag: str, *, weak: bool) -> bool:
    """Return whether If-Match or If-None-Match names a tag (RFC 9110, section 8.8.3.2).

    `weak`: a tag that is marked with W/ may be the same. That is enough to show a page, not to change it.
    """
    # TODO 2.2: find the tag in the list, with W/ before it too; * stands for every tag.
    #   Given:  re.findall(r'(W/)?("[^"]*")', field) returns pairs: the mark or "", and the tag with its quotes.
    # TODO 2.6: without `weak`, a tag that is marked with W/ does not count.
    return False


def seconds(date: str) -> float | None:
    """Return an HTTP date as seconds since 1970; None for any other text, which a server must ignore."""
    try:
        found = parsedate_to_datetime(date)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def is_own_path(target: str) -> bool:
    """Return whether a redirect to this target stays on this server."""
    # TODO 4.4: allow only paths of this service, without line breaks.
    #   Given:  the target, percent-decoded.
    #   Done:   curl -i "http://localhost:8004/go?to=//example.com" gets 400.
    return True


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
            # TODO 1.7: let one thread at a time look at the books and change them.
            #   Given:  self.shelf.lock, for a `with` statement around the next line.
            answer = self.find(path)()
        except RefusedError as refused:
            # TODO 1.2: send an object with the member "error": the text of the refusal.
            answer = refused.status, str(refused), refused.fields
        self.send(*answer)

    # TODO 1.8: answer HEAD as GET, but without the body (see send()).
    #   Done:   curl -I http://localhost:8004/books
    do_GET = do_POST = do_PUT = do_DELETE = answer

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
                # TODO 1.6: refuse any other method with 405, and name those that the path has in Allow.
                #   Given:  `methods`; a keyword argument of RefusedError becomes a header field.
        raise RefusedError(404, f"there is no {path}")

    # --- 1 Resources ---

    def show_list(self) -> Answer:
        return self.cached([*self.shelf.books.values()], self.shelf.list_changed)

    def show_book(self) -> Answer:
        return self.cached(self.known_book(), self.shelf.changed[self.id])

    def add_book(self) -> Answer:
        # TODO 1.3: answer 201, with the URL of the new book in Location.
        #   Given:  the third part of an answer is a dictionary of header fields.
        book = self.shelf.add(self.sent_book())
        return 200, book, {}

    def replace_book(self) -> Answer:
        # TODO 1.4: store the book, and answer 200 with it; 404 for an unknown id.
        #   Given:  self.known_book(), self.sent_book() and self.shelf.put().
        # TODO 2.6: before that, call self.expect_match().
        return 200, self.sent_book(), {}

    def delete_book(self) -> Answer:
        # TODO 1.4: remove the book, and answer 204 without a body; 404 for an unknown id.
        # TODO 2.6: before that, call self.expect_match().
        return 200, {}, {}

    def known_book(self) -> Book:
        """Return the book that the path names."""
        if self.id not in self.shelf.books:
            raise RefusedError(404, f"there is no book {self.id}")
        return self.shelf.books[self.id]

    def sent_book(self) -> Book:
        """Return the book in the body of the request."""
        # TODO 1.5: refuse another media type with 415, and a body that is not JSON with 400.
        #   Given:  self.headers.get_content_type() returns the media type without its parameters.
        return checked(json.loads(self.body.decode()))

    # --- 2 Caching, 3 Compression ---

    def cached(self, value: object, changed: int) -> Answer:
        """Return the answer to a GET: the value, or 304 if the client has it already."""
        body = to_json(value)
        fields: dict[str, str] = {}
        # TODO 2.1: send a strong tag of the body in ETag.
        #   Given:  tag_of(), at the end of this file.
        # TODO 2.4: send `changed` as a date in Last-Modified.
        #   Given:  formatdate(), imported above; it needs usegmt=True.
        # TODO 2.5: tell caches in Cache-Control to ask each time.
        # TODO 2.2: answer 304, with the same fields and without a body, if self.is_known(tag, changed).
        # TODO 3.1: pack a body of more than WORTH_PACKING bytes if accepts_gzip() says so.
        #   Given:  self.all_of("Accept-Encoding"); gzip.compress(body, mtime=0), always the same bytes.
        # TODO 3.3: for such a body, send Vary, packed or not, and a tag for each kind.
        return 200, body, fields

    def is_known(self, tag: str, changed: int) -> bool:
        """Return whether the client has this version already (RFC 9110, section 13.2.2)."""
        # TODO 2.2: look at If-None-Match.
        #   Given:  names(), above; self.all_of("If-None-Match").
        # TODO 2.4: only without that field, look at If-Modified-Since.
        #   Given:  seconds(), above.
        return False

    def expect_match(self) -> None:
        """Refuse a change of a version that the client has not seen: somebody else has changed it first."""
        # TODO 2.6: answer 412 if there is an If-Match that does not name the book's tag.

    def all_of(self, name: str) -> str:
        """Return the value of a field that is a list; it may have been sent in several lines."""
        return ", ".join(self.headers.get_all(name, []))

    # --- 4 Redirects ---

    def show_new_address(self) -> Answer:
        # TODO 4.1: the address has changed for good, and the query is kept.
        #   Given:  self.query, with its question mark; empty without one.
        return 302, None, {"Location": f"/books/{self.id}"}

    def drop_slash(self) -> Answer:
        # TODO 4.2: make clients repeat a POST as it was.
        return 301, None, {"Location": f"/books{self.query}"}

    def show_latest(self) -> Answer:
        if not self.shelf.books:
            raise RefusedError(404, "there is no book")
        # TODO 4.3: lead to the book that was added last and is still there, and let no cache keep that.
        return 302, None, {"Location": f"/books/{self.shelf.last_id}"}

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
            # TODO 3.4: count the bytes that are sent, not the characters.
            length = len(body.decode(errors="ignore"))
            self.send_header("Content-Length", str(length))
        elif status not in (204, 304):  # these never have a body (RFC 9112, section 6.3); the others have an empty one
            self.send_header("Content-Length", "0")
        self.end_headers()
        if value is not None:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        line = format % args
        sys.stderr.write(f"{line.encode('ascii', 'backslashreplace').decode()}\n")


def to_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def tag_of(body: bytes, *, packed: bool) -> str:
    """Return a strong tag: other bytes have another one, so the packed kind of an answer does, too."""
    # TODO 2.3: make the tag of the bytes, so that it changes with each PUT.
    #   Given:  the module hashlib, imported above.
    return '"1"'


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
