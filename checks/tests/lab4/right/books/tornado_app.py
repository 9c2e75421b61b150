"""Tornado: one handler for each resource, and its own check of If-None-Match switched off."""

import asyncio
import gzip
import hashlib
import json
import os
import sys
import time
from email.utils import formatdate, mktime_tz, parsedate_tz

import tornado.web

BOOKS = {}
CHANGED = {}
HIGHEST = 0


class Base(tornado.web.RequestHandler):
    def compute_etag(self):
        return None

    def write_error(self, status_code, **_):
        self.set_header("Content-Type", "application/json")
        if status_code == 405:
            self.set_header("Allow", self.ALLOWED)
        self.finish(json.dumps({"error": self._reason}))

    def bytes_of(self, value):
        return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()

    def tag(self, data, packed=False):
        return '"' + hashlib.sha1(data).hexdigest() + ("g" if packed else "") + '"'

    def show(self, value, seconds):
        data = self.bytes_of(value)
        packed = False
        if len(data) > 1024:
            self.set_header("Vary", "Accept-Encoding")
            items = [
                item.strip().lower().split(";") for item in self.request.headers.get("Accept-Encoding", "").split(",")
            ]
            for item in items:
                if item[0].strip() == "gzip":
                    packed = not any(float(p.split("=")[1]) == 0 for p in item[1:] if p.strip().startswith("q="))
        tag = self.tag(data, packed)
        self.set_header("ETag", tag)
        self.set_header("Last-Modified", formatdate(seconds, usegmt=True))
        self.set_header("Cache-Control", "no-cache")
        if self.unchanged(tag, seconds):
            self.set_status(304)
            self.finish()
            return
        self.set_header("Content-Type", "application/json")
        if packed:
            self.set_header("Content-Encoding", "gzip")
            data = gzip.compress(data, mtime=0)
        self.finish(data)

    def unchanged(self, tag, seconds):
        headers = self.request.headers
        if "If-None-Match" in headers:
            asked = [each.strip() for each in headers["If-None-Match"].split(",")]
            return "*" in asked or tag in asked or "W/" + tag in asked
        parsed = parsedate_tz(headers.get("If-Modified-Since", ""))
        try:
            return parsed is not None and mktime_tz(parsed) >= seconds
        except (ValueError, OverflowError):
            return False

    def book(self):
        if self.request.headers.get("Content-Type", "").split(";")[0].strip() != "application/json":
            raise tornado.web.HTTPError(415)
        try:
            book = json.loads(self.request.body)
        except ValueError:
            raise tornado.web.HTTPError(400) from None
        if not isinstance(book, dict) or len(book) != 3:
            raise tornado.web.HTTPError(400)
        for name, kind in (("title", str), ("author", str), ("year", int)):
            if type(book.get(name)) is not kind or book[name] == "":
                raise tornado.web.HTTPError(400)
        return book

    def put_book(self, id, book):
        BOOKS[id] = dict(book, id=id)
        CHANGED[id] = CHANGED[0] = int(time.time())
        self.set_header("Content-Type", "application/json")
        self.finish(self.bytes_of(BOOKS[id]))


class All(Base):
    ALLOWED = "GET, HEAD, POST"

    def get(self):
        self.show([BOOKS[id] for id in sorted(BOOKS)], CHANGED[0])

    head = get

    def post(self):
        global HIGHEST
        book = self.book()
        HIGHEST += 1
        self.set_status(201)
        self.set_header("Location", f"{self.request.protocol}://{self.request.host}/books/{HIGHEST}")
        self.put_book(HIGHEST, book)


class One(Base):
    ALLOWED = "GET, HEAD, PUT, DELETE"

    def known(self, id):
        if int(id) not in BOOKS:
            raise tornado.web.HTTPError(404)
        return int(id)

    def get(self, id):
        id = self.known(id)
        self.show(BOOKS[id], CHANGED[id])

    head = get

    def match(self, id):
        value = self.request.headers.get("If-Match", "*").strip()
        if value != "*" and self.tag(self.bytes_of(BOOKS[id])) not in [each.strip() for each in value.split(",")]:
            raise tornado.web.HTTPError(412)

    def put(self, id):
        id = self.known(id)
        self.match(id)
        self.put_book(id, self.book())

    def delete(self, id):
        id = self.known(id)
        self.match(id)
        del BOOKS[id]
        CHANGED[0] = int(time.time())
        self.set_status(204)


class Slash(Base):
    ALLOWED = "POST"

    def post(self):
        self.redirect("/books", status=308)


class Old(Base):
    ALLOWED = "GET, HEAD"

    def get(self, id):
        if int(id) not in BOOKS:
            raise tornado.web.HTTPError(404)
        self.redirect(f"/books/{id}" + (f"?{self.request.query}" if self.request.query else ""), permanent=True)


class Latest(Base):
    ALLOWED = "GET, HEAD"

    def get(self):
        self.set_header("Cache-Control", "no-store")
        self.redirect(f"/books/{max(BOOKS)}")


class Go(Base):
    ALLOWED = "GET, HEAD"

    def get(self):
        values = self.request.query_arguments.get("to", [b""])
        to = values[0].decode("latin-1")
        if to[:1] != "/" or to[:2] in ("//", "/\\") or any(c in to for c in "\r\n\\"):
            raise tornado.web.HTTPError(400)
        self.redirect(to, status=302)


class Nothing(Base):
    ALLOWED = ""

    def prepare(self):
        raise tornado.web.HTTPError(404)


async def main():
    global HIGHEST
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "books.json"), encoding="utf-8") as file:
        for book in json.load(file):
            BOOKS[book["id"]] = book
            CHANGED[book["id"]] = int(time.time())
    CHANGED[0] = int(time.time())
    HIGHEST = max(BOOKS)
    pages = [
        (r"/books", All),
        (r"/books/(\d+)", One),
        (r"/books/", Slash),
        (r"/book/(\d+)", Old),
        (r"/latest", Latest),
        (r"/go", Go),
    ]
    app = tornado.web.Application(pages, default_handler_class=Nothing, log_function=lambda _: None)
    app.listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
