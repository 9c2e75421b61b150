"""Tornado: bodies come in pieces; tables of SQLite hold the log and the books; templates write XML and HTML."""

import asyncio
import json
import re
import sqlite3
import sys
import threading
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import tornado.web
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse
from tornado.template import DictLoader

LIMIT = 10 * 2**20
WHOLE = re.compile(
    r'(?P<host>[^ ]+) (?P<ident>[^ ]+) (?P<user>(?>.+?(?= \[))) \[(?P<time>[^\]]*)\] "(?P<request>(?:[^"\\]|\\.)*+)" '
    r'(?P<status>[0-9]{3}) (?P<size>[0-9]+|-)(?: "(?:[^"\\]|\\.)*+" "(?:[^"\\]|\\.)*+")?',
    re.DOTALL,
)
CLOCK = re.compile(
    r"([0-9]{2})/([A-Z][a-z]{2})/([0-9]{4}):([01][0-9]|2[0-3]):([0-5][0-9]):[0-5][0-9] "
    r"([+-])([01][0-9]|2[0-3])([0-5][0-9])"
)
ASKED = re.compile(r"([A-Z]+) (\*|/[^ ]*) HTTP/[0-9]+(?:\.[0-9]+)?")
MONTHS = {name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}

TEMPLATES = DictLoader(
    {
        "book.xml": (
            '<book id="{{ book.id }}"{% raw space %}><title>{{ book.title }}</title><author>{{ book.author }}</author>'
            "{% if book.year is not None %}<year>{{ book.year }}</year>{% end %}{% if book.price is not None %}"
            '<price{% if book.currency is not None %} currency="{{ book.currency }}"{% end %}>{{ book.price }}</price>'
            "{% end %}</book>"
        ),
        "catalog.xml": (
            "<?xml version='1.0' encoding='utf-8'?>\n{% set space = '' %}"
            '<catalog xmlns="urn:labcheck:books">{% for book in books %}{% include book.xml %}{% end %}</catalog>'
        ),
        "one.xml": (
            "<?xml version='1.0' encoding='utf-8'?>{% set space = ' xmlns=\"urn:labcheck:books\"' %}"
            "{% include book.xml %}"
        ),
        "feed.xml": (
            '<feed xmlns="http://www.w3.org/2005/Atom"><title>Lab 5</title><id>urn:labcheck:lab5</id>'
            '<updated>{{ now }}</updated><link rel="self" href="feed.atom"/>{% for book in books %}<entry>'
            "<id>urn:labcheck:lab5:{{ name(book.id) }}</id><title>{{ book.title }}</title>"
            "<author><name>{{ book.author }}</name><uri>http://example.org/</uri></author><updated>{{ now }}</updated>"
            '<link href="./catalog/{{ name(book.id) }}"/></entry>{% end %}</feed>'
        ),
        "page.html": (
            "<!DOCTYPE html><html><body><TABLE><CAPTION>{{ len(books) }} books</CAPTION>{% for book in books %}"
            '<TR><TH SCOPE="row">{{ book.title }}</TH><TD>{{ book.author }}</TD><TD>{{ book.year or "" }}</TD>'
            '<TD>{{ book.price or "" }}</TD></TR>{% end %}</TABLE></body></html>'
        ),
    },
    autoescape="xhtml_escape",
    whitespace="all",
)


def hour(text: str) -> int | None:
    found = CLOCK.fullmatch(text)
    if not found or found[2] not in MONTHS:
        return None
    try:
        moment = datetime(int(found[3]), MONTHS[found[2]], int(found[1]))
    except ValueError:
        return None
    minutes = (int(found[7]) * 60 + int(found[8])) * (1 if found[6] == "-" else -1)
    return (moment.hour + int(found[4]) + (int(found[5]) + minutes) // 60) % 24


def rows(lines: list[str]) -> Iterator[tuple[Any, ...]]:
    """A row for each line: the text, and if it is whole its method, path, status, size and hour."""
    for line in lines:
        found = WHOLE.fullmatch(line)
        when = hour(found["time"]) if found else None
        asked = ASKED.fullmatch(re.sub(r"\\(.)", r"\1", found["request"], flags=re.DOTALL)) if found else None
        if found is None or when is None or asked is None:
            yield line, None, None, None, None, None
        else:
            size = 0 if found["size"] == "-" else int(found["size"])
            # SQLite's integers have 64 bits, so the sum is not left to it.
            yield line, asked[1], asked[2].partition("?")[0], found["status"], str(size), when


class Log:
    def __init__(self) -> None:
        data = (Path(__file__).parent / "access.log").read_bytes().decode("utf-8")
        self.lines = [line.removesuffix("\r") for line in data.removesuffix("\n").split("\n")] if data else []
        self.database = sqlite3.connect(":memory:", check_same_thread=False)
        self.database.execute("create table log (line, method, path, status, size, hour)")
        with self.database:
            self.database.executemany("insert into log values (?, ?, ?, ?, ?, ?)", rows(self.lines))
        self.database.execute(
            "create table hits as select path, count(*) as n from log where hour is not null group by path"
        )

    def grouped(self, column: str) -> dict[Any, int]:
        ask = f"select {column}, count(*) from log where hour is not null group by {column}"
        return dict(self.database.execute(ask).fetchall())

    def summary(self) -> dict[str, Any]:
        sizes = self.database.execute("select size from log where hour is not null")
        return {
            "status": self.grouped("status"),
            "methods": self.grouped("method"),
            "bytes": sum(int(size) for (size,) in sizes),
            "lines": len(self.lines),
            "broken": self.database.execute("select count(*) from log where hour is null").fetchone()[0],
        }

    def top(self, n: int) -> list[dict[str, Any]]:
        found = self.database.execute("select path, n from hits order by n desc, path limit ?", [n])
        return [{"path": path, "hits": hits} for path, hits in found]


class Book:
    id: str
    title: str
    author: str
    year: int | None = None
    price: str | None = None
    currency: str | None = None


def books_in(body: Any) -> list[Book]:
    books: dict[str, Book] = {}
    place, depth = 0, 0
    for event, element in iterparse(body, events=["start", "end"], forbid_dtd=True):
        depth += 1 if event == "start" else -1
        if event == "start" and depth == 1 and element.tag not in ("catalog", "{urn:labcheck:books}catalog"):
            # It is read to the end: what is not XML at all is another error.
            books["\0"] = Book()
        if event == "start" or depth != 1:
            continue
        place += 1
        book = Book()
        book.id = element.get("id", "").strip()
        texts = {child.tag.rpartition("}")[2]: "".join(child.itertext()).strip(" \t\r\n") for child in element}
        for child in element:
            book.currency = child.get("currency", book.currency)
        problem = None
        if not book.id or book.id in books:
            problem = "no id" if not book.id else "an id that is taken"
        elif not texts.get("title") or not texts.get("author"):
            problem = "no title or no author"
        elif not re.fullmatch("[+-]?[0-9]+", texts.get("year", "0")):
            problem = "no number as its year"
        if problem and "\0" not in books:
            books["\0"] = Book()
            books["\0"].id = f"book {book.id or place} has {problem}"
        book.title, book.author, book.price = texts.get("title", ""), texts.get("author", ""), texts.get("price")
        book.year = int(texts["year"]) if "year" in texts and not problem else None
        books[book.id] = book
        element.clear()
    if "\0" in books:
        raise tornado.web.HTTPError(422, getattr(books["\0"], "id", "this is no catalog").replace("%", "%%"))
    return list(books.values())


class Base(tornado.web.RequestHandler):
    log: Log
    books: list[Book] = []  # noqa: RUF012

    def write_error(self, status_code: int, **more: Any) -> None:
        error = more["exc_info"][1]
        text = getattr(error, "log_message", None) or self._reason
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"error": text.replace("%%", "%")}, ensure_ascii=True))

    def json(self, value: Any) -> None:
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(json.dumps(value))

    def xml(self, template: str, kind: str = "application/xml", **values: Any) -> None:
        self.set_header("Content-Type", kind)
        self.finish(TEMPLATES.load(template).generate(**values))

    def argument(self, name: str) -> str | None:
        # As it is: Tornado itself would take blanks away, and leave out control characters.
        values = self.request.query_arguments.get(name)
        if values is None and re.search(rf"(^|&){name}=?(&|$)", self.request.query):
            return ""
        return values[-1].decode("utf-8", "replace") if values else None


class NotFound(Base):
    def prepare(self) -> None:
        raise tornado.web.HTTPError(404)


class Summary(Base):
    def get(self) -> None:
        self.json(self.log.summary())


class Top(Base):
    def get(self) -> None:
        text = self.argument("n")
        text = "10" if text is None else text
        if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= 1000:
            raise tornado.web.HTTPError(400, "n is not a number from 1 to 1000")
        self.json(self.log.top(int(text)))


class Hours(Base):
    def get(self) -> None:
        counts = self.log.grouped("hour")
        self.json([counts.get(hour, 0) for hour in range(24)])


class Search(Base):
    async def get(self) -> None:
        pattern = self.argument("like")
        if pattern is None:
            raise tornado.web.HTTPError(400, "like is missing")
        self.json(await asyncio.to_thread(self.find, pattern))

    def find(self, pattern: str) -> list[str]:
        parts = [re.escape(part).replace(r"\?", ".") for part in pattern.split("*")]
        if len(parts) == 1:
            return [line for line in self.log.lines if re.fullmatch(parts[0], line, re.DOTALL)]
        # What an atomic group has found is kept: it is never tried again further on.
        middle = [part for part in parts[1:-1] if part]
        start = re.compile(parts[0] + "".join(f"(?>.*?{part})" for part in middle), re.DOTALL)
        end = re.compile(parts[-1], re.DOTALL)
        size = len(pattern) - pattern.rfind("*") - 1
        found = []
        for line in self.log.lines:
            match = start.match(line)
            if match and len(line) - match.end() >= size and end.match(line, len(line) - size):
                found.append(line)
        return found


@tornado.web.stream_request_body
class Catalog(Base):
    def prepare(self) -> None:
        self.body = b""
        self.parts: list[bytes] = []
        if int(self.request.headers.get("Content-Length", "0")) > LIMIT:
            raise tornado.web.HTTPError(413, "a catalog may have 10 MiB")

    def data_received(self, chunk: bytes) -> None:
        self.parts.append(zlib.compress(chunk, 1))  # many bodies at once need less room

    def read(self) -> list[Book]:
        return books_in(BytesIO(b"".join(map(zlib.decompress, self.parts))))

    async def post(self) -> None:
        try:
            books = await asyncio.to_thread(self.read)
        except ParseError as error:
            raise tornado.web.HTTPError(400, f"{error}".replace("%", "%%")) from None
        except (DefusedXmlException, ValueError, LookupError) as error:
            raise tornado.web.HTTPError(400, f"not accepted: {type(error).__name__}") from None
        Base.books = books
        self.set_status(201)
        self.json({"books": len(books)})

    def get(self) -> None:
        years = []
        for name in ("since", "until"):
            text = self.argument(name)
            if text is not None and not re.fullmatch(r"[+-]?[0-9]+", text):
                raise tornado.web.HTTPError(400, f"{name} is not a year")
            years.append(None if text is None else int(text))
        since, until = years
        author, title = ((self.argument(name) or "").casefold() for name in ("author", "title"))
        books = [book for book in self.books if author in book.author.casefold() and title in book.title.casefold()]
        if since is not None:
            books = [book for book in books if book.year is not None and book.year >= since]
        if until is not None:
            books = [book for book in books if book.year is not None and book.year <= until]
        self.xml("catalog.xml", books=books)


class One(Base):
    def get(self) -> None:
        id = unquote(self.request.path[len("/catalog/") :])
        for book in self.books:
            if book.id == id:
                self.xml("one.xml", book=book)
                return
        raise tornado.web.HTTPError(404, "there is no such book")


class Page(Base):
    def get(self) -> None:
        self.xml("page.html", "text/html; charset=utf-8", books=self.books)


class Feed(Base):
    def get(self) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
        name = lambda id: quote(id, safe="")  # noqa: E731
        self.xml("feed.xml", "application/atom+xml; charset=utf-8", books=self.books, now=now, name=name)


async def main() -> None:
    Base.log = Log()
    handlers: list[Any] = [
        ("/log/summary", Summary),
        ("/log/top", Top),
        ("/log/hours", Hours),
        ("/log/search", Search),
        ("/catalog", Catalog),
        ("/catalog[.]html", Page),
        ("/feed[.]atom", Feed),
        ("/catalog/.*", One),
    ]
    app = tornado.web.Application(handlers, default_handler_class=NotFound)
    app.listen(int(sys.argv[1]) if len(sys.argv) > 1 else 8005, "127.0.0.1", max_body_size=2**62)
    await asyncio.Event().wait()


if __name__ == "__main__":
    threading.stack_size(2**20)
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
