"""Starlette and uvicorn: parsing in a process of its own; a catalogue is in no namespace, a single book is in one."""

import asyncio
import multiprocessing
import re
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element, ParseError, SubElement, TreeBuilder, tostring

import uvicorn
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

FORM = re.compile(
    r"[^ ]+ [^ ]+ .(?:[^ ]++| (?!\[))*+ \[(?P<day>..)/(?P<month>...)/(?P<year>[0-9]{4}):(?P<clock>[0-9:]{8}) "
    r'(?P<zone>[+-][0-9]{4})\] "(?P<request>(?:[^"\\]++|\\.)*+)" (?P<status>[0-9]{3}) (?P<size>[0-9]+|-)'
    r'(?P<more>(?: "(?:[^"\\]++|\\.)*+"){2})?',
    re.DOTALL,
)
REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<target>/[^ ]*|\*) HTTP/[0-9]+(?:[.][0-9]+)?")
ONLY_ASCII = re.compile(r"[0-9]+")


@lru_cache(maxsize=100_000)
def utc_hour(day: str, month: str, year: str, clock: str, zone: str) -> int | None:
    if not ONLY_ASCII.fullmatch(day) or int(zone[1:3]) > 23 or int(zone[3:]) > 59:
        return None
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    try:
        date = f"{year}-{months.index(month) + 1:02}-{day}"
        moment = datetime.fromisoformat(f"{date} {clock}")
    except ValueError:
        return None
    behind = int(zone[3:]) + 60 * int(zone[1:3])
    minutes = moment.hour * 60 + moment.minute + (behind if zone[0] == "-" else -behind)
    return minutes % 1440 // 60


def summarize(file: Path) -> tuple[list[str], dict[str, Any], dict[str, int], list[int]]:
    text = file.read_bytes().decode("utf-8", "backslashreplace")
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines = lines[:-1]
    status: dict[str, int] = defaultdict(int)
    methods: dict[str, int] = defaultdict(int)
    paths: dict[str, int] = defaultdict(int)
    hours, broken, size = [0] * 24, 0, 0
    for line in lines:
        found = FORM.fullmatch(line)
        hour = utc_hour(*found.group("day", "month", "year", "clock", "zone")) if found else None
        request = REQUEST.fullmatch(re.sub(r'\\([\\"])', r"\1", found["request"])) if found else None
        if found is None or hour is None or request is None:
            broken += 1
            continue
        hours[hour] += 1
        status[found["status"]] += 1
        methods[request["method"]] += 1
        paths[request["target"].split("?")[0]] += 1
        size += int(found["size"]) if found["size"] != "-" else 0
    summary = {"status": dict(status), "methods": dict(methods), "bytes": size, "broken": broken, "lines": len(lines)}
    return lines, summary, dict(paths), hours


def search(pattern: str, lines: list[str]) -> list[str]:
    """A part is found from the left; what is between parts may be anything."""
    pieces = re.split(r"\*+", pattern)
    regexes = [re.compile(re.escape(piece).replace("\\?", "[\\s\\S]")) for piece in pieces]

    def fits(line: str) -> bool:
        if len(pieces) == 1:
            return bool(regexes[0].fullmatch(line))
        at = len(pieces[0])
        stop = len(line) - len(pieces[-1])
        if at > stop or not regexes[0].match(line) or not regexes[-1].match(line, stop):
            return False
        for regex in regexes[1:-1]:
            found = regex.search(line, at, stop)
            if not found:
                return False
            at = found.end()
        return True

    return [line for line in lines if fits(line)]


Book = tuple[str, str, str, str | None, str | None, str | None]


def parse(body: bytes) -> tuple[int, str | list[Book]]:
    """Runs in another process: what it gives back is a status, and an error or the books."""
    parser = XMLParser(target=TreeBuilder(), forbid_dtd=True)
    try:
        parser.feed(body)
        root = parser.close()
    except ParseError as error:
        return 400, "line {}, column {}: ".format(*error.position) + str(error)
    except (DefusedXmlException, ValueError, LookupError):
        return 400, "a document type or encoding that is not accepted"
    if root.tag not in ("catalog", "{urn:labcheck:books}catalog"):
        return 422, "no catalog"
    books: list[Book] = []
    ids: set[str] = set()
    for place, element in enumerate([each for each in root if each.tag.endswith("book")], 1):
        texts = {each.tag.rsplit("}")[-1]: (each.text or "").strip(" \t\r\n") for each in element}
        currency = next((each.get("currency") for each in element if each.tag.endswith("price")), None)
        id = element.get("id", "").strip(" ")
        if not id:
            return 422, f"the book at {place} has no id"
        if id in ids or not texts.get("title") or not texts.get("author"):
            return 422, f"{id} is there already, or has no title or author"
        ids.add(id)
        books.append((id, texts["title"], texts["author"], texts.get("year"), texts.get("price"), currency))
    return 201, books


def fill(element: Element, book: Book, prefix: str = "") -> None:
    for name, text in zip(("title", "author", "year", "price"), book[1:5], strict=True):
        if text is not None:
            child = SubElement(element, prefix + name)
            child.text = text
            if name == "price" and book[5] is not None:
                child.set("currency", book[5])
    element.set("id", book[0])


class XMLResponse(Response):
    media_type = "application/xml"

    def render(self, content: Element) -> bytes:
        # ASCII: other characters are written as references.
        written: bytes = tostring(content, encoding="us-ascii", short_empty_elements=False)
        return written


class State:
    books: list[Book]
    log: tuple[list[str], dict[str, Any], dict[str, int], list[int]]
    pool: ProcessPoolExecutor


state = State()
state.books = []


async def summary(request: Request) -> Response:
    return JSONResponse(state.log[1])


async def top(request: Request) -> Response:
    n = request.query_params.get("n", "10")
    if not ONLY_ASCII.fullmatch(n) or not 0 < int(n) <= 1000:
        raise HTTPException(400, "n is a number between 1 and 1000")
    paths = sorted(state.log[2].items(), key=lambda item: (-item[1], item[0]))
    return JSONResponse([{"path": path, "hits": hits} for path, hits in paths][: int(n)])


async def hours(request: Request) -> Response:
    return JSONResponse(state.log[3])


async def log_search(request: Request) -> Response:
    pattern = request.query_params.get("like")
    if pattern is None:
        raise HTTPException(400, "like is not there")
    return JSONResponse(await run_in_threadpool(search, pattern, state.log[0]))


async def post(request: Request) -> Response:
    if int(request.headers.get("content-length", "0")) > 10 * 1024 * 1024:
        raise HTTPException(413, "too many bytes", headers={"Connection": "close"})
    body = await request.body()
    status, result = await asyncio.get_running_loop().run_in_executor(state.pool, parse, body)
    if isinstance(result, str):
        raise HTTPException(status, result)
    state.books = result
    return JSONResponse({"books": len(result)}, 201)


def year_of(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    try:
        return None if text is None else int(text)
    except ValueError:
        raise HTTPException(400, f"{name} is not a number") from None


async def catalog(request: Request) -> Response:
    since, until = year_of(request, "since"), year_of(request, "until")
    title = request.query_params.get("title", "").lower()
    author = request.query_params.get("author", "").lower()
    root = Element("catalog")
    for book in state.books:
        if title in book[1].lower() and author in book[2].lower():
            year = int(book[3]) if book[3] else None
            if since is not None and (year is None or year < since):
                continue
            if until is not None and (year is None or year > until):
                continue
            fill(SubElement(root, "book"), book)
    return XMLResponse(root)


async def one(request: Request) -> Response:
    raw: bytes = request.scope["raw_path"]
    id = unquote(raw.decode("ascii").removeprefix("/catalog/"))
    for book in state.books:
        if book[0] == id:
            root = Element("{urn:labcheck:books}book")
            fill(root, book, "{urn:labcheck:books}")
            return XMLResponse(root)
    raise HTTPException(404, f"no {id}")


async def page(request: Request) -> Response:
    table = Element("table")
    head = SubElement(SubElement(table, "thead"), "tr")
    for name in ("Id", "Title", "Author", "Year", "Price"):
        SubElement(head, "th").text = name
    body = SubElement(table, "tbody")
    for book in state.books:
        row = SubElement(body, "tr")
        for text in book[:4]:
            SubElement(SubElement(row, "td"), "span", {"class": "text"}).text = text
        SubElement(row, "td").text = f"{book[4]} {book[5] or ''}" if book[4] else ""
    html = tostring(table, encoding="unicode", method="html")
    return HTMLResponse(f"<!DOCTYPE html><html><body>{html}</body></html>")


async def feed(request: Request) -> Response:
    space = "{http://www.w3.org/2005/Atom}"
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")

    def add(element: Element, name: str, text: str | None = None, **attributes: str) -> Element:
        child = SubElement(element, space + name, attributes)
        child.text = text
        return child

    root = Element(space + "feed")
    for name, text in (("updated", now), ("title", "The books"), ("id", "http://labcheck.example/feed")):
        add(root, name, text)
    for book in state.books:
        entry = add(root, "entry")
        path = quote(book[0], safe="")
        add(add(entry, "author"), "name", book[2])
        add(entry, "link", href=f"{request.base_url}catalog/{path}", rel="alternate", hreflang="en")
        add(entry, "link", href=f"{request.base_url}catalog.html", rel="related")
        add(entry, "title", book[1], type="text")
        add(entry, "updated", now)
        add(entry, "id", f"http://labcheck.example/books/{path}")
    return XMLResponse(root, media_type="application/atom+xml")


async def failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as state.pool:
        state.log = await loop.run_in_executor(None, summarize, Path(__file__).with_name("access.log"))
        yield


routes = [
    Route("/log/summary", summary),
    Route("/log/top", top),
    Route("/log/hours", hours),
    Route("/log/search", log_search),
    Route("/catalog", catalog),
    Route("/catalog", post, methods=["POST"]),
    Route("/catalog.html", page),
    Route("/catalog/{id:path}", one),
    Route("/feed.atom", feed),
]
app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: failed})

if __name__ == "__main__":
    try:
        uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8005, log_level="warning")
    except KeyboardInterrupt:
        pass
