"""http.server in HTTP/1.0: tags are version numbers with a byte that is not ASCII, Location is in capitals."""

import gzip
import json
import sys
import threading
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import gmtime, time
from urllib.parse import parse_qs, urlsplit

books = {}  # id -> [book, version, seconds]
state = {"version": 1, "seconds": int(time()), "next": 1}
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    def reply(self, code, value=None, **fields):
        data = b"" if value is None else json.dumps(value, indent=2).encode()
        packed = False
        if code == 200 and self.command in ("GET", "HEAD"):
            version, seconds = self.state
            fields["Cache_Control"] = "private, no-cache"
            fields["Last_Modified"] = format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)
            if len(data) > 1024:
                fields["Vary"] = "Accept, Accept-Encoding"
                for part in (self.headers["Accept-Encoding"] or "").replace(" ", "").lower().split(","):
                    if part.split(";")[0] == "gzip":
                        packed = float(part.partition(";q=")[2] or "1") > 0
            tag = fields["ETag"] = f'"\xff{version}{"z" if packed else ""}"'  # one byte in a header field
            if "If-None-Match" in self.headers:
                asked = [each.strip().removeprefix("W/") for each in self.headers["If-None-Match"].split(",")]
                if tag in asked or asked == ["*"]:
                    code, data = 304, b""
            elif since := parsedate(self.headers["If-Modified-Since"] or ""):
                if since[:6] >= gmtime(seconds)[:6]:
                    code, data = 304, b""
        self.send_response(code)
        if value is not None and code != 304:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        if packed and code == 200:
            data = gzip.compress(data, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        if code not in (304, 204):
            self.send_header("Content-Length", str(len(data)))
        for name, text in fields.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def error(self, code, text, **fields):
        self.reply(code, {"error": text, "status": code}, **fields)

    def absolute(self, path):
        return f"HTTP://{self.headers['Host'].upper()}{path}"

    def any(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        parts = urlsplit("http://x" + self.path if self.path.startswith("/") else self.path)
        steps = parts.path.split("/")[1:]
        with lock:
            match steps:
                case ["books"]:
                    self.all(body)
                case ["books", ""] if self.command == "POST":
                    self.reply(308, Location=self.absolute("/books"))
                case ["books", id] if id.isdecimal():
                    self.one(int(id), body)
                case ["book", id] if id.isdecimal() and self.command == "GET":
                    query = f"?{parts.query}" if parts.query else ""
                    self.reply(301, Location=self.absolute(f"/books/{id}{query}"))
                case ["latest"]:
                    self.reply(
                        303, Location=self.absolute(f"/books/{list(books)[-1]}"), Cache_Control="no-store, private"
                    )
                case ["go"]:
                    to = parse_qs(parts.query).get("to", [""])[0]
                    inner = to.split("/")
                    if len(inner) > 1 and inner[0] == "" and inner[1].isalnum() and to.isprintable():
                        self.reply(302, Location=self.absolute(to))
                    else:
                        self.error(400, "not here")
                case _:
                    self.error(404, "nothing here")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = any

    def all(self, body):
        if self.command in ("GET", "HEAD"):
            self.state = state["version"], state["seconds"]
            self.reply(200, [books[id][0] for id in sorted(books)])
        elif self.command == "POST":
            if book := self.book(body):
                id = state["next"]
                state["next"] += 1
                self.keep(id, book)
                self.reply(201, books[id][0], Location=self.absolute(f"/books/{id}"))
        else:
            self.error(405, "no", Allow="GET,HEAD,POST,OPTIONS")

    def one(self, id, body):
        if self.command == "POST":
            self.error(405, "no", Allow="DELETE, GET, HEAD, PUT")
        elif id not in books:
            self.error(404, "no such book")
        elif self.command in ("GET", "HEAD"):
            book, *self.state = books[id]
            self.reply(200, book)
        else:
            if condition := self.headers["If-Match"]:
                if condition != "*" and f'"\xff{books[id][1]}"' not in [each.strip() for each in condition.split(",")]:
                    self.error(412, "somebody was faster")
                    return
            if self.command == "DELETE":
                del books[id]
                self.changed()
                self.reply(204)
            elif book := self.book(body):
                self.keep(id, book)
                self.reply(200, books[id][0])

    def changed(self):
        state["version"] += 1
        state["seconds"] = int(time())

    def keep(self, id, book):
        self.changed()
        books[id] = [{"id": id, **book}, state["version"], state["seconds"]]

    def book(self, body):
        if (self.headers["Content-Type"] or "").split(";")[0].strip().lower() != "application/json":
            self.error(415, "JSON, please")
            return None
        try:
            value = json.loads(body)
            assert set(value) == {"title", "author", "year"}
            title, author, year = value["title"], value["author"], value["year"]
            assert isinstance(title, str) and isinstance(author, str) and title and author
            assert isinstance(year, int) and not isinstance(year, bool)
        except (ValueError, AssertionError, TypeError):
            self.error(400, "no book")
            return None
        return value

    def log_message(self, *_):
        pass


for book in json.loads(Path(__file__).with_name("books.json").read_text("utf-8")):
    books[book["id"]] = [book, 0, state["seconds"]]
    state["next"] = max(state["next"], book["id"] + 1)
ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
