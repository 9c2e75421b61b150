"""aiohttp: the body goes to the parser while it comes; XML is written with a prefix, and a search sees a whole text."""

import asyncio
import functools
import itertools
import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from uuid import NAMESPACE_URL, uuid5

from aiohttp import web
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

BOOKS = "urn:labcheck:books"
ATOM = "http://www.w3.org/2005/Atom"
ET.register_namespace("bk", BOOKS)
ET.register_namespace("atom", ATOM)

routes = web.RouteTableDef()
MONTHS = ["", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
TIME = re.compile(r"(\d\d)/([A-Z][a-z]+)/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", re.ASCII)
REQUEST = re.compile(r"([A-Z]+) (/[^ ]*|\*) HTTP/\d+(\.\d+)?", re.ASCII)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@functools.lru_cache(10_000)
def day_exists(day: str, month: str, year: str) -> bool:
    try:
        return bool(datetime(int(year), MONTHS.index(month), int(day)))
    except ValueError:
        return False


def hour_in_utc(text: str) -> int | None:
    found = TIME.fullmatch(text)
    if not found or not day_exists(found[1], found[2], found[3]):
        return None
    hour, minute, second, zone_hours, zone_minutes = (int(found[each]) for each in (4, 5, 6, 8, 9))
    if hour > 23 or minute > 59 or second > 59 or zone_hours > 23 or zone_minutes > 59:
        return None
    minutes = zone_hours * 60 + zone_minutes
    return (hour * 60 + minute + (minutes if found[7] == "-" else -minutes)) // 60 % 24


def quoted(text: str, at: int) -> int:
    """Return where the part that begins with the quote at this place ends, behind its last quote; or -1."""
    if text[at : at + 1] != '"':
        return -1
    end = at + 1
    while True:
        end = text.find('"', end)
        if end < 0:
            return -1
        # An odd number of backslashes before a quote escapes it.
        stop = end
        while text[stop - 1] == "\\":
            stop -= 1
        end += 1
        if (end - 1 - stop) % 2 == 0:
            return end


@dataclass
class Totals:
    lines: list[str] = field(default_factory=list)
    broken: int = 0
    size: int = 0
    status: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    hours: list[int] = field(default_factory=lambda: [0] * 24)

    def add(self, line: str) -> None:
        self.lines.append(line)
        if not self.whole(line):
            self.broken += 1

    def whole(self, line: str) -> bool:
        parts = line.split(" ", 2)
        if len(parts) < 3 or not parts[0] or not parts[1]:
            return False
        rest = parts[2]
        start = rest.find(" [", 1)
        end = rest.find("] ", start)
        if start < 0 or end < 0:
            return False
        hour = hour_in_utc(rest[start + 2 : end])
        if hour is None:
            return False
        at = end + 2
        end = quoted(rest, at)
        if end < 0:
            return False
        request = REQUEST.fullmatch(ESCAPE.sub(r"\1", rest[at + 1 : end - 1]))
        if not request or rest[end : end + 1] != " ":
            return False
        status, _, after = rest[end + 1 :].partition(" ")
        size, more, after = after.partition(" ")
        if not re.fullmatch(r"[0-9]{3}", status) or not re.fullmatch(r"[0-9]+|-", size):
            return False
        if more:
            end = quoted(after, 0)
            if end < 0 or after[end : end + 1] != " " or quoted(after, end + 1) != len(after):
                return False
        self.status[status] += 1
        self.methods[request[1]] += 1
        self.paths[request[2].split("?")[0]] += 1
        self.hours[hour] += 1
        self.size += 0 if size == "-" else int(size)
        return True


def read_log() -> Totals:
    totals = Totals()
    data = (Path(__file__).resolve().parent / "access.log").read_bytes()
    for line in data.removesuffix(b"\n").split(b"\n") if data else []:
        totals.add(line.removesuffix(b"\r").decode())
    return totals


async def start(app: web.Application) -> None:
    app[LOG] = await asyncio.to_thread(read_log)


def fits(pattern: str, lines: list[str]) -> list[str]:
    """Answer what matches. The part before a star is found where it is found first; \\0 is no character of a text."""
    expression = "".join(
        "\0" if char == "*" else f".{{{len(list(same))}}}" if char == "?" else re.escape("".join(same))
        for char, same in itertools.groupby(pattern)
    )
    pieces = expression.split("\0")
    compiled = re.compile("".join([pieces[0], *(f"(?>.*?{piece})" for piece in pieces[1:-1])]), re.DOTALL)
    last = re.compile(pieces[-1], re.DOTALL)
    length = len(pattern.rpartition("*")[2])

    def match(line: str) -> bool:
        if len(pieces) == 1:
            return compiled.fullmatch(line) is not None
        found = compiled.match(line)
        return found is not None and last.fullmatch(line, max(found.end(), len(line) - length)) is not None

    return [line for line in lines if match(line)]


@dataclass(frozen=True)
class Book:
    id: str
    title: str
    author: str
    year: int | None
    price: str | None
    currency: str | None

    def element(self) -> ET.Element:
        book = ET.Element(f"{{{BOOKS}}}book", id=self.id)
        for name in ("title", "author", "year", "price"):
            if getattr(self, name) is not None:
                ET.SubElement(book, f"{{{BOOKS}}}{name}").text = str(getattr(self, name))
        if self.price is not None and self.currency is not None:
            book[-1].set("currency", self.currency)
        return book


LOG = web.AppKey("LOG", Totals)
SHELF = web.AppKey("SHELF", list[tuple[Book, ...]])


def trimmed(book: ET.Element, name: str) -> str | None:
    for child in book:
        if child.tag in (name, f"{{{BOOKS}}}{name}"):
            return "".join(child.itertext()).strip(" \n\r\t")
    return None


def refuse(status: int, text: str) -> web.HTTPException:
    classes: dict[int, Any] = {400: web.HTTPBadRequest, 404: web.HTTPNotFound, 422: web.HTTPUnprocessableEntity}
    error: web.HTTPException = classes[status](reason="refused")
    error.text = text
    return error


def books_in(root: ET.Element) -> tuple[Book, ...]:
    if root.tag not in ("catalog", f"{{{BOOKS}}}catalog"):
        raise refuse(422, "this document is not a catalog")
    books: dict[str, Book] = {}
    place = 0
    for element in root:
        if element.tag not in ("book", f"{{{BOOKS}}}book"):
            continue
        place += 1
        id = element.attrib.get("id", "")
        if not id.strip():
            raise refuse(422, f"book {place}: an id is needed")
        title, author, year = trimmed(element, "title"), trimmed(element, "author"), trimmed(element, "year")
        if not title or not author:
            raise refuse(422, f"book {id}: title and author are needed")
        if id in books:
            raise refuse(422, f"book {id}: there are two")
        price = element.find(f"{{{BOOKS}}}price" if "}" in element.tag else "price")
        try:
            number = int(year) if year is not None else None
        except ValueError:
            raise refuse(422, f"book {id}: its year is no number") from None
        currency = price.get("currency") if price is not None else None
        books[id] = Book(id, title, author, number, trimmed(element, "price"), currency)
    return tuple(books.values())


@web.middleware
async def errors(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPException as error:
        return web.json_response({"error": error.text or error.reason}, status=error.status)
    return response


@routes.get("/log/summary")
async def summary(request: web.Request) -> web.Response:
    log = request.app[LOG]
    counts = {"methods": log.methods, "status": log.status}
    return web.json_response({"bytes": log.size, "broken": log.broken, "lines": len(log.lines), **counts})


@routes.get("/log/top")
async def top(request: web.Request) -> web.Response:
    number = request.query.get("n", "10")
    if re.fullmatch("[1-9][0-9]{0,2}|1000", number) is None:
        raise refuse(400, "n is not from 1 to 1000")
    paths = sorted(request.app[LOG].paths.items(), key=lambda item: item[0])
    paths.sort(key=lambda item: item[1], reverse=True)
    return web.json_response([{"path": path, "hits": hits} for path, hits in paths[: int(number)]])


@routes.get("/log/hours")
async def hours(request: web.Request) -> web.Response:
    return web.json_response(request.app[LOG].hours)


@routes.get("/log/search")
async def search(request: web.Request) -> web.Response:
    if "like" not in request.query:
        raise refuse(400, "like is needed")
    return web.json_response(await asyncio.to_thread(fits, request.query["like"], request.app[LOG].lines))


@routes.post("/catalog")
async def post(request: web.Request) -> web.Response:
    if (request.content_length or 0) > 10 * 2**20:
        return web.json_response({"error": "more than 10 MiB"}, status=413)
    parser = DefusedXMLParser()
    try:
        async for chunk in request.content.iter_chunked(2**16):
            parser.feed(chunk)
        root = parser.close()
    except ET.ParseError as error:
        line, column = error.position
        raise refuse(400, f"XML error in line {line}, column {column}: {error.msg}") from None
    except (DefusedXmlException, ValueError, LookupError) as error:
        raise refuse(400, f"refused: {type(error).__name__}") from None
    books = await asyncio.to_thread(books_in, root)
    request.app[SHELF][0] = books
    return web.json_response({"books": len(books)}, status=201)


def xml(element: ET.Element, kind: str = "application/xml") -> web.Response:
    ET.indent(element)
    # The declaration of an encoding that is not in it would be wrong, so the text is encoded here.
    return web.Response(text=ET.tostring(element, encoding="unicode"), content_type=kind, charset="utf-8")


def number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]+", text):
        raise refuse(400, f"{name} must be a year")
    return int(text)


@routes.get("/catalog")
async def catalog(request: web.Request) -> web.Response:
    since, until = number(request, "since"), number(request, "until")
    author, title = (request.query.get(name, "").upper() for name in ("author", "title"))
    root = ET.Element(f"{{{BOOKS}}}catalog")
    for book in request.app[SHELF][0]:
        if author not in book.author.upper() or title not in book.title.upper():
            continue
        if since is not None and (book.year is None or book.year < since):
            continue
        if until is not None and (book.year is None or book.year > until):
            continue
        root.append(book.element())
    return xml(root)


@routes.get("/catalog/{id:.+}")
async def one(request: web.Request) -> web.Response:
    id = unquote(request.raw_path.partition("?")[0].removeprefix("/catalog/"))
    for book in request.app[SHELF][0]:
        if book.id == id:
            return xml(book.element())
    raise refuse(404, "no such book")


@routes.get("/catalog.html")
async def page(request: web.Request) -> web.Response:
    def cell(value: object) -> str:
        return "<td>" + re.sub(r"[^\w ]", lambda found: f"&#x{ord(found[0]):x};", str(value or "")) + "</td>"

    rows = "".join(
        f"<tr>{cell(book.title)}{cell(book.author)}{cell(book.year)}{cell(book.id)}</tr>"
        for book in request.app[SHELF][0]
    )
    head = "<thead><tr><th>title<th>author<th>year<th>id</thead>"
    return web.Response(text=f"<html><body><table>{head}<tbody>{rows}</tbody></table>", content_type="text/html")


@routes.get("/feed.atom")
async def feed(request: web.Request) -> web.Response:
    now = datetime.now(UTC).astimezone(timezone(timedelta(hours=-3, minutes=-30))).isoformat()

    def add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
        element = ET.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
        element.text = text
        return element

    root = ET.Element(f"{{{ATOM}}}feed")
    add(root, "title", "All books", type="text")
    add(root, "id", "urn:uuid:00000000-0000-4000-8000-000000000001")
    add(root, "updated", now)
    add(root, "link", rel="self", href="/feed.atom")
    for book in request.app[SHELF][0]:
        entry = add(root, "entry")
        add(entry, "link", rel="alternate", href=f"http://{request.host}/catalog/{quote(book.id, safe='')}")
        add(entry, "title", book.title)
        add(entry, "id", f"urn:uuid:{uuid5(NAMESPACE_URL, 'urn:labcheck:books:' + quote(book.id))}")
        add(entry, "updated", now)
        add(add(entry, "author"), "name", book.author)
        add(entry, "summary", f"{book.year or 'no year'}")
    return xml(root, "application/atom+xml")


if __name__ == "__main__":
    app = web.Application(middlewares=[errors])
    nothing: list[tuple[Book, ...]] = [()]
    app[SHELF] = nothing
    app.add_routes(routes)
    app.on_startup.append(start)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8005)
