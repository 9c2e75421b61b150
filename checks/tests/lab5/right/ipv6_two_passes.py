"""On ::1 only: expat looks for entities first, then ElementTree reads; feed and page are made when it is posted."""

import http.server
import json
import operator
import re
import socket
import sys
import unicodedata
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from html import escape as html_escape
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote
from uuid import UUID, uuid5
from xml.parsers import expat

LARGEST = 10 * 1024 * 1024
MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
QUOTED = r'"((?:[^"\\]|\\.)*+)"'
# The end of a line is looked at first: what is behind the time.
AFTER = re.compile(rf"{QUOTED} (\d\d\d) (\d+|-)(?: {QUOTED} {QUOTED})?", re.ASCII | re.DOTALL)
REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<path>\*|/[^ ?]*)(?:\?[^ ]*)? HTTP/\d+(?:\.\d+)?", re.ASCII)
HOURS: dict[str, int] = {}


def utc(time: str) -> int:
    """Return the hour; raise ValueError."""
    if len(time) != 26 or not re.fullmatch(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", time, re.ASCII):
        raise ValueError(time)
    month, rest = divmod(MONTHS.index(time[3:6]), 3)
    date = datetime(int(time[7:11]), month + 1, int(time[:2]), int(time[12:14]), int(time[15:17]), int(time[18:20]))
    offset = timedelta(hours=int(time[22:24]), minutes=int(time[24:]))
    if rest or int(time[22:24]) > 23 or int(time[24:]) > 59:
        raise ValueError(time)
    date = date.replace(year=2023, month=6, day=15)
    return (date - offset if time[21] == "+" else date + offset).hour


class Entry(NamedTuple):
    method: str
    path: str
    status: str
    size: int
    hour: int


def entry(line: str) -> Entry:
    """Read a whole line; raise ValueError if it is broken."""
    first = line.index(" ")
    second = line.index(" ", first + 1)
    start = line.index(" [", second + 2)
    end = line.index("] ", start)
    if first == 0 or second == first + 1:
        raise ValueError("a part is empty")
    after = AFTER.fullmatch(line, end + 2)
    if not after:
        raise ValueError("it ends in another way")
    request = REQUEST.fullmatch(after[1].replace(r"\\", "\x00").replace(r"\"", '"').replace("\x00", "\\"))
    if not request:
        raise ValueError("not a request")
    size = int(after[3]) if after[3] != "-" else 0
    time = line[start + 2 : end]
    hour = HOURS.get(time[:17] + time[20:]) if re.fullmatch("[0-5][0-9]", time[18:20]) and len(time) == 26 else None
    if hour is None or time[17] != ":":
        hour = HOURS[time[:17] + time[20:]] = utc(time)
    return Entry(request["method"], request["path"], after[2], size, hour)


class Log:
    def __init__(self, data: bytes) -> None:
        self.lines = re.findall(r"[^\n]*\n|[^\n]+\Z", data.decode("utf-8", "ignore"))
        self.lines = [re.sub(r"\r?\n\Z", "", line) for line in self.lines]
        self.whole: list[Entry] = []
        for line in self.lines:
            try:
                self.whole.append(entry(line))
            except ValueError:
                continue

    def count(self, field: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for value in map(operator.attrgetter(field), self.whole):
            counts[value] = counts.get(value, 0) + 1
        return counts

    def summary(self) -> dict[str, Any]:
        return {
            "lines": len(self.lines),
            "broken": len(self.lines) - len(self.whole),
            "bytes": sum(map(operator.attrgetter("size"), self.whole)),
            "methods": self.count("method"),
            "status": self.count("status"),
        }

    def top(self, n: int) -> list[dict[str, Any]]:
        counts = self.count("path")
        return [
            {"path": path, "hits": counts[path]} for path in sorted(counts, key=lambda key: (-counts[key], key))[:n]
        ]

    def hours(self) -> list[int]:
        counts = self.count("hour")
        return [counts.get(hour, 0) for hour in range(24)]  # type: ignore[call-overload]


class Like:
    """Keeps each text between two stars as the places of its characters, rarest first."""

    def __init__(self, pattern: str) -> None:
        self.parts = pattern.split("*")

    def at(self, part: str, text: str, place: int) -> bool:
        return all(text.startswith(piece, place + where) for where, piece in self.pieces(part))

    def pieces(self, part: str) -> list[tuple[int, str]]:
        return [(found.start(), found[0]) for found in re.finditer(r"[^?]+", part)]

    def matches(self, text: str) -> bool:
        if sum(map(len, self.parts)) > len(text) or not self.at(self.parts[0], text, 0):
            return False
        if len(self.parts) == 1:
            return len(text) == len(self.parts[0])
        end = len(text) - len(self.parts[-1])
        if not self.at(self.parts[-1], text, end):
            return False
        place = len(self.parts[0])
        for part in self.parts[1:-1]:
            pieces = sorted(self.pieces(part), key=lambda piece: -len(piece[1]))
            if pieces:
                offset, longest = pieces[0]
                found = text.find(longest, place + offset)
                while found >= 0 and not self.at(part, text, found - offset):
                    found = text.find(longest, found + 1)
                if found < 0:
                    return False
                place = found - offset
            place += len(part)
        return place <= end


class Failed(Exception):
    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


def refuse_entities(body: bytes) -> None:
    def refuse(*about: Any) -> None:
        raise Failed(HTTPStatus.BAD_REQUEST, "entities cannot be declared here")

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        where = f"line {error.lineno}, column {error.offset + 1}"
        raise Failed(HTTPStatus.BAD_REQUEST, f"{expat.ErrorString(error.code)}: {where}") from None
    except (LookupError, ValueError) as error:
        raise Failed(HTTPStatus.BAD_REQUEST, str(error)) from None


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).upper()


class Book:
    def __init__(self, element: ET.Element, place: int) -> None:
        self.id = element.get("id", "")
        self.texts = {child.tag.split("}")[-1]: (child.text or "").strip("\r\n\t ") for child in element}
        self.currency = next((child.attrib["currency"] for child in element if "currency" in child.attrib), None)
        name = self.id.strip() and f"book {self.id}" or f"book {place}, which has no id,"
        if not self.id.strip() or not self.texts.get("title") or not self.texts.get("author"):
            raise Failed(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} does not have all that is needed")
        try:
            self.year = int(self.texts["year"]) if "year" in self.texts else None
        except ValueError:
            raise Failed(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} has a year like no other") from None
        self.author, self.title = folded(self.texts["author"]), folded(self.texts["title"])
        self.link = "/catalog/" + quote(self.id, safe="")

    def element(self) -> ET.Element:
        book = ET.Element("book")
        for name in ("price", "year", "title", "author"):
            if name in self.texts:
                child = ET.SubElement(book, name)
                child.text = f"\n    {self.texts[name]}\n  "
        if self.currency is not None:
            book[0].set("currency", self.currency)
        book.set("id", self.id)
        return book


class Library:
    """One catalogue with all that is made of it. It is never changed."""

    def __init__(self, books: list[Book]) -> None:
        self.books = {book.id: book for book in books}
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        feed = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en"})
        for name, text in (("id", "urn:labcheck:five"), ("title", "Lab 5"), ("updated", now)):
            ET.SubElement(feed, name).text = text
        rows = ["<TABLE>"]
        for book in books:
            entry = ET.SubElement(feed, "entry")
            uuid = uuid5(UUID(int=5), book.id.encode("utf-8").hex())
            for name, text in (("id", uuid.urn), ("title", book.texts["title"]), ("updated", now)):
                ET.SubElement(entry, name).text = text
            ET.SubElement(ET.SubElement(entry, "author"), "name").text = book.texts["author"]
            ET.SubElement(entry, "link", href=book.link)
            cells = [book.texts[name] for name in ("title", "author")] + [str(book.year or "")]
            rows.append("<TR>" + "".join(f"<TD>{html_escape(cell)}" for cell in cells))
        self.feed: bytes = ET.tostring(feed, encoding="utf-16")
        self.page = "\n".join([*rows, "</TABLE>"]).encode("utf-16")

    def search(self, conditions: list[Any]) -> bytes:
        root = ET.Element("catalog")
        root.extend(book.element() for book in self.books.values() if all(fits(book) for fits in conditions))
        written: bytes = ET.tostring(root, encoding="utf-16")
        return written


def read_library(body: bytes) -> Library:
    refuse_entities(body)
    root = ET.XML(body)
    start = "{urn:labcheck:books}" if root.tag == "{urn:labcheck:books}catalog" else ""
    if root.tag != start + "catalog":
        raise Failed(HTTPStatus.UNPROCESSABLE_ENTITY, "that is something else than a catalog")
    books = [Book(element, place) for place, element in enumerate(root.iter(start + "book"), 1)]
    if len({book.id for book in books}) < len(books):
        seen: list[str] = []
        for book in books:
            if book.id in seen:
                raise Failed(HTTPStatus.UNPROCESSABLE_ENTITY, f"two books share the id {book.id}")
            seen.append(book.id)
    return Library(books)


class Handler(http.server.BaseHTTPRequestHandler):
    log: Log
    library = Library([])

    def parse_query(self, text: str) -> dict[str, str]:
        pairs = (pair.partition("=") for pair in text.split("&"))
        return {unquote(name): unquote(value, errors="replace") for name, _, value in pairs}

    def reply(self, status: int, kind: str, content: Any) -> None:
        if not isinstance(content, bytes):
            content = json.dumps(content, indent="\t", sort_keys=True).encode("ascii")
        self.send_response(status)
        self.send_header("Content-type", kind)
        self.send_header("Content-length", f"{len(content)}")
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        path, _, text = self.path.partition("?")
        try:
            self.reply(200, *self.page(path, self.parse_query(text)))
        except Failed as error:
            self.reply(error.status, "application/json", {"error": str(error)})

    def page(self, path: str, query: dict[str, str]) -> tuple[str, Any]:
        library = Handler.library
        if path == "/log/top":
            n = query.get("n", "10")
            if not re.fullmatch(r"[1-9]\d{0,3}", n, re.ASCII) or int(n) > 1000:
                raise Failed(HTTPStatus.BAD_REQUEST, "n is a number from 1 to 1000")
            return "application/json", self.log.top(int(n))
        if path == "/log/search":
            if "like" not in query:
                raise Failed(HTTPStatus.BAD_REQUEST, "?like=...")
            like = Like(query["like"])
            return "application/json", [line for line in self.log.lines if like.matches(line)]
        if path in ("/log/summary", "/log/hours"):
            return "application/json", self.log.summary() if path == "/log/summary" else self.log.hours()
        if path == "/catalog":
            return "application/xml", library.search(self.conditions(query))
        if path == "/feed.atom":
            return "application/atom+xml", library.feed
        if path == "/catalog.html":
            return "text/html; charset=utf-16", library.page
        if path.startswith("/catalog/"):
            book = library.books.get(unquote(path.removeprefix("/catalog/")))
            if book:
                return "application/xml; charset=utf-8", ET.tostring(book.element(), encoding="utf-8")
        raise Failed(HTTPStatus.NOT_FOUND, "unknown")

    def conditions(self, query: dict[str, str]) -> list[Any]:
        author, title = folded(query.get("author", "")), folded(query.get("title", ""))
        found: list[Any] = [lambda book: author in book.author and title in book.title]
        for name, compare in (("since", operator.ge), ("until", operator.le)):
            if name in query:
                try:
                    year = int(query[name])
                except ValueError:
                    raise Failed(HTTPStatus.BAD_REQUEST, f"{name} is not a year") from None
                found.append(
                    lambda book, compare=compare, year=year: book.year is not None and compare(book.year, year)
                )
        return found

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        try:
            if self.path != "/catalog":
                raise Failed(HTTPStatus.NOT_FOUND, "unknown")
            if length > LARGEST:
                raise Failed(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "larger than 10 MiB")
            library = read_library(self.rfile.read(length))
        except Failed as error:
            self.reply(error.status, "application/json", {"error": str(error)})
        else:
            Handler.library = library
            self.reply(201, "application/json", {"books": len(library.books)})

    def log_message(self, format: str, *args: Any) -> None:
        print(format % args)


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()


if __name__ == "__main__":
    Handler.log = Log((Path(__file__).parent / "access.log").read_bytes())
    with Server(("::1", int(sys.argv[1]) if len(sys.argv) > 1 else 8005), Handler) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit()
