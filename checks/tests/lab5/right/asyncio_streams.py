"""asyncio streams by hand: answers in chunks, written slowly; an incremental parser; XMLGenerator writes."""

import asyncio
import io
import json
import re
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from html import escape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

NAMESPACE = "urn:labcheck:books"
ZONES: dict[str, timezone] = {}
MOMENTS: dict[str, datetime | None] = {}
PIECE = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class Line(NamedTuple):
    method: str
    path: str
    status: str
    size: int
    hour: int


def moment(text: str) -> datetime | None:
    """The time without its seconds, which are only looked at. A year at the calendar's end is moved into it."""
    match = re.fullmatch(r"(\d\d/[A-Z][a-z]{2}/\d{4}):(\d\d:\d\d):[0-5]\d ([+-]([01]\d|2[0-3])[0-5]\d)", text, re.ASCII)
    if not match:
        return None
    day, clock, zone = match[1], match[2], match[3]
    if zone not in ZONES:
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
        ZONES[zone] = timezone(-offset if zone[0] == "-" else offset)
    if day not in MOMENTS:
        months = "JanFebMarAprMayJunJulAugSepOctNovDec"
        where, rest = divmod(months.find(day[3:6]), 3)
        try:
            MOMENTS[day] = None if rest else datetime(int(day[7:]), where + 1, int(day[:2])).replace(year=2024)
        except ValueError:
            MOMENTS[day] = None
    date = MOMENTS[day]
    hours, minutes = clock.split(":")
    if date is None or int(hours) > 23 or int(minutes) > 59:
        return None
    return date.replace(hour=int(hours), minute=int(minutes), tzinfo=ZONES[zone])


def parse_line(text: str) -> Line | None:
    host, _, rest = text.partition(" ")
    ident, _, rest = rest.partition(" ")
    if not host or not ident or not rest:
        return None
    user, bracket, more = rest[1:].partition(" [")
    time, close, rest = more.partition('] "')
    when = moment(time) if bracket and close else None
    piece = PIECE.match(rest) if when else None
    if when is None or piece is None:
        return None
    request = re.sub(r'\\(["\\])', r"\1", piece[0][:-1]).split(" ")
    if (
        len(request) != 3
        or not re.fullmatch("[A-Z]+", request[0])
        or not re.fullmatch(r"\*|/.*", request[1], re.DOTALL)
    ):
        return None
    numbers = re.compile(r" ([0-9]{3}) ([0-9]+|-)").match(rest, piece.end())
    if not re.fullmatch(r"HTTP/[0-9]+(\.[0-9]+)?", request[2]) or not numbers:
        return None
    rest = rest[numbers.end() :]
    if rest:
        referer = PIECE.match(rest, 2) if rest.startswith(' "') else None
        agent = PIECE.match(rest, referer.end() + 2) if referer and rest.startswith(' "', referer.end()) else None
        if agent is None or agent.end() != len(rest):
            return None
    size = 0 if numbers[2] == "-" else int(numbers[2])
    hour = when.astimezone(UTC).hour
    return Line(request[0], request[1].partition("?")[0], numbers[1], size, hour)


def read_text() -> list[str]:
    data = (Path(__file__).parent / "access.log").read_bytes()
    texts = [each[:-1] if each.endswith(b"\r") else each for each in data.split(b"\n")]
    if not texts[-1]:
        del texts[-1]
    return [each.decode("utf-8", "replace") for each in texts]


def count(texts: list[str]) -> dict[str, Any]:
    lines = [line for line in map(parse_line, texts) if line]
    counts = {
        "lines": len(texts),
        "broken": len(texts) - len(lines),
        "bytes": sum(line.size for line in lines),
        "status": Counter(line.status for line in lines),
        "methods": Counter(line.method for line in lines),
    }
    hours = Counter(line.hour for line in lines)
    return {"counts": counts, "paths": Counter(line.path for line in lines), "hours": [hours[n] for n in range(24)]}


class Wildcard:
    """Sees for all places in a line at once whether a piece fits there: each place is a bit of one large number."""

    def __init__(self, pattern: str) -> None:
        self.pieces = re.sub(r"\*+", "*", pattern).split("*")

    def places(self, piece: str, line: str, known: dict[str, int]) -> int:
        bits = (1 << (len(line) - len(piece) + 1)) - 1 if len(piece) <= len(line) else 0
        for offset, char in enumerate(piece):
            if char == "?" or not bits:
                continue
            if char not in known:
                # One digit for each character, the first one of the line at the end.
                digits = "".join("1" if each == char else "0" for each in reversed(line))
                known[char] = int(digits or "0", 2)
            bits &= known[char] >> offset
        return bits

    def first(self, piece: str, line: str, start: int, known: dict[str, int]) -> int:
        if "?" not in piece:
            return line.find(piece, start)
        bits = self.places(piece, line, known) >> start
        return start + (bits & -bits).bit_length() - 1 if bits else -1

    def fits(self, line: str) -> bool:
        if len(self.pieces) == 1 and len(self.pieces[0]) != len(line):
            return False
        if sum(map(len, self.pieces)) > len(line):
            return False
        head, *middle = self.pieces
        if any(a not in ("?", b) for a, b in zip(head, line, strict=False)):
            return False
        if not middle:
            return True
        tail = middle.pop()
        end = len(line) - len(tail)
        if any(a not in ("?", b) for a, b in zip(tail, line[end:], strict=True)):
            return False
        at, known = len(head), dict[str, int]()
        for piece in middle:
            if not piece.strip("?"):
                at += len(piece)
                continue
            found = self.first(piece, line, at, known)
            if found < 0:
                return False
            at = found + len(piece)
        return at <= end


class Failure(Exception):
    def __init__(self, status: int, error: str) -> None:
        self.status, self.error = status, error


class Book(NamedTuple):
    id: str
    texts: dict[str, str]
    currency: str | None


def clean(element: Any) -> str:
    return "" if element is None else "".join(element.itertext()).strip(" \t\r\n")


def to_books(root: Any) -> list[Book]:
    prefix = "{" + NAMESPACE + "}" if root.tag[0] == "{" else ""
    if root.tag != f"{prefix}catalog":
        raise Failure(422, f"the root element is {root.tag}, but catalog was expected")
    books: list[Book] = []
    for place, element in enumerate(root.findall(f"{prefix}book"), 1):
        price = element.find(f"{prefix}price")
        texts = {name: clean(element.find(prefix + name)) for name in ("title", "author", "year", "price")}
        id = clean_id = element.get("id") or ""
        if not clean_id.strip(" \r\n\t") or not texts["title"] or not texts["author"]:
            raise Failure(422, f"book {id.strip() or place}: id, title and author must not be empty")
        if any(id == book.id for book in books):
            raise Failure(422, f"book {id} is there twice")
        if texts["year"] and not texts["year"].lstrip("+-").isdecimal():
            raise Failure(422, f"book {id}: {texts['year']} is not a year")
        books.append(Book(id, texts, price.get("currency") if price is not None else None))
    return books


class Writer:
    """Writes one document with XMLGenerator."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.out = io.BytesIO()
        self.xml = XMLGenerator(self.out, encoding, short_empty_elements=True)
        self.xml.startDocument()

    def element(self, name: str, text: str | None = None, **attributes: str) -> None:
        self.xml.startElement(name, AttributesImpl(attributes))
        if text is not None:
            self.xml.characters(text)
            self.xml.endElement(name)

    def end(self, name: str) -> None:
        self.xml.endElement(name)

    def book(self, book: Book) -> None:
        self.element("book", id=book.id)
        for name, text in book.texts.items():
            if text and name != "price":
                self.element(name, text)
        if book.texts["price"]:
            self.element("price", book.texts["price"], **({"currency": book.currency} if book.currency else {}))
        self.end("book")

    def done(self) -> bytes:
        self.xml.endDocument()
        return self.out.getvalue()


class Library:
    def __init__(self) -> None:
        self.texts = read_text()
        self.log = count(self.texts)
        self.books: list[Book] = []

    def find(self, query: dict[str, list[str]]) -> list[Book]:
        limits = []
        for name in ("since", "until"):
            text = query.get(name, ["0"])[-1]
            if not re.fullmatch("[-+]?[0-9]+", text):
                raise Failure(400, f"{name}: {text} is not a year")
            limits.append(int(text))
        found = []
        for book in self.books:
            year = int(book.texts["year"]) if book.texts["year"] else None
            if (
                all(query.get(name, [""])[-1].casefold() in book.texts[name].casefold() for name in ("author", "title"))
                and ("since" not in query or (year is not None and year >= limits[0]))
                and ("until" not in query or (year is not None and year <= limits[1]))
            ):
                found.append(book)
        return found

    def get(self, path: str, query: dict[str, list[str]]) -> tuple[str, Any]:
        if path == "/log/summary":
            return "application/json", self.log["counts"]
        if path == "/log/hours":
            return "application/json", self.log["hours"]
        if path == "/log/top":
            text = query.get("n", ["10"])[-1]
            if not re.fullmatch("[0-9]{1,4}", text) or int(text) not in range(1, 1001):
                raise Failure(400, f"n is {text}, but 1 to 1000 was expected")
            ranking = sorted(self.log["paths"].items(), key=lambda item: (-item[1], item[0]))[: int(text)]
            return "application/json", [dict(zip(("path", "hits"), item, strict=True)) for item in ranking]
        if path == "/log/search":
            if "like" not in query:
                raise Failure(400, "there is no like")
            wildcard = Wildcard(query["like"][-1])
            return "application/json", [text for text in self.texts if wildcard.fits(text)]
        writer = Writer()
        if path == "/catalog":
            books = self.find(query)
            writer.element("catalog")
            for book in books:
                writer.book(book)
            writer.end("catalog")
            return "application/xml;charset=utf-8", writer.done()
        if path == "/catalog.html":
            rows = [[book.id, book.texts["title"], book.texts["author"], book.texts["year"]] for book in self.books]
            cells = ("<tr>" + "".join(f"<td>{self.text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
            heading = "<tr><th scope='col'>Id</th><th>Title</th><th>Author</th><th>Year</th></tr>"
            return "text/html; charset=ascii", f"<table>{heading}{''.join(cells)}</table>".encode("ascii")
        if path == "/feed.atom":
            return "application/atom+xml", self.feed(writer)
        if path.startswith("/catalog/"):
            id = unquote(path[len("/catalog/") :])
            for book in self.books:
                if book.id == id:
                    writer = Writer("us-ascii")
                    writer.book(book)
                    return "application/xml", writer.done()
        raise Failure(404, f"{path} does not exist")

    @staticmethod
    def text(cell: str) -> str:
        """Numeric references for all that is not ASCII."""
        return escape(cell).encode("ascii", "xmlcharrefreplace").decode()

    def feed(self, writer: Writer) -> bytes:
        now = datetime.now(timezone(timedelta(hours=5, minutes=45))).isoformat(timespec="microseconds")
        writer.element("feed", **{"xmlns": "http://www.w3.org/2005/Atom", "xml:base": "/catalog/"})
        writer.element("id", "tag:example.org,2026-01-01:library")
        writer.element("title", "Library", type="text")
        writer.element("updated", now)
        for book in self.books:
            name = quote(book.id, safe="")
            writer.element("entry")
            writer.element("id", f"tag:example.org,2026-01-01:library/{name}")
            writer.element("title", book.texts["title"])
            writer.element("author")
            writer.element("name", book.texts["author"])
            writer.end("author")
            writer.element("updated", now)
            writer.element("link", "", rel="alternate", href=f"/catalog/{name}")
            writer.element("content", book.texts["title"], type="text")
            writer.end("entry")
        writer.end("feed")
        return writer.done()

    async def post(self, reader: asyncio.StreamReader, length: int) -> dict[str, int]:
        parser = ElementTree.XMLParser()
        failure = None
        while length:
            chunk = await reader.read(min(length, 100_000))
            if not chunk:
                raise ConnectionError("the body is incomplete")
            length -= len(chunk)
            try:
                if not failure:
                    parser.feed(chunk)
            except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
                failure = error  # the rest is read: the next request comes after it
        try:
            if failure:
                raise failure
            root = parser.close()
        except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
            raise Failure(400, f"this XML cannot be read: {error}") from None
        books = to_books(root)
        self.books = books
        return {"books": len(books)}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether there may be another one."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        length = int(fields.get("content-length", 0))
        path, _, query = target.partition("?")
        status, kind, stay = 200, "Application/JSON", fields.get("connection", "").lower() != "close"
        content: Any
        try:
            if length > 10 * 1024**2:
                raise Failure(413, "10 MiB are the limit")
            if method == "POST" and path == "/catalog":
                status, content = 201, await self.post(reader, length)
            else:
                await reader.readexactly(length)
                kind, content = await asyncio.to_thread(self.get, path, parse_qs(query, keep_blank_values=True))
        except Failure as failure:
            status, content = failure.status, {"error": failure.error}
        if not isinstance(content, bytes):
            content = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        top = f"HTTP/1.1 {status} Well\r\nTransfer-Encoding: chunked\r\nContent-Type: {kind}\r\n"
        writer.write((top + ("" if stay else "Connection: close\r\n") + "\r\n").encode())
        # Small pieces at first, so that a client that reads only once gets too little.
        size, at = 10, 0
        while at < len(content):
            piece = content[at : at + size]
            writer.write(b"%x;x=y\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            if at < 1000:
                await asyncio.sleep(0.001)
            at, size = at + size, min(size * 2, 1_000_000)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        if status == 413:
            # Read what still comes, up to a limit, so that the client sees the answer before the connection ends.
            try:
                async with asyncio.timeout(2):
                    while await reader.read(100_000):
                        pass
            except TimeoutError:
                pass
            return False
        return stay

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self.answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            writer.close()


async def main() -> None:
    library = Library()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8005
    async with await asyncio.start_server(library.talk, "localhost", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
