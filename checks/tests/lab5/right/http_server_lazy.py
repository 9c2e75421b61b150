"""http.server with HTTP/1.1 and threads: defusedxml's ElementTree; the log is read at the first request about it."""

import functools
import json
import re
import sys
import threading
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

NS = "urn:labcheck:books"
ATOM = "http://www.w3.org/2005/Atom"
BLANKS = " \t\r\n"
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
ET.register_namespace("", ATOM)
STARTED = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

# No part can give back what it has taken and try again: each repetition is possessive, or ends at a character that it
# cannot contain.
LINE = re.compile(
    r"""[^ ]++[ ][^ ]++[ ](?>.+?[ ]\[)
        (?P<day>[0-9]{2})/(?P<month>[A-Z][a-z]{2})/(?P<year>[0-9]{4})
        :(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):[0-5][0-9]
        [ ](?P<sign>[+-])(?P<ahead>(?:[01][0-9]|2[0-3])[0-5][0-9])\][ ]
        "(?P<method>[A-Z]++)[ ](?P<target>\*|/(?:[^ "\\]|\\.)*+)[ ]HTTP/[0-9]++(?:\.[0-9]++)?"[ ]
        (?P<status>[0-9]{3})[ ](?P<size>[0-9]++|-)
        (?:[ ]"(?:[^"\\]|\\.)*+"[ ]"(?:[^"\\]|\\.)*+")?""",
    re.VERBOSE | re.DOTALL,
)


@functools.cache
def exists(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), MONTHS.index(month) + 1, int(day))
    except ValueError:
        return False
    return True


class Log:
    def __init__(self) -> None:
        data = (Path(__file__).parent / "access.log").read_bytes().decode("utf-8")
        self.lines = [line.removesuffix("\r") for line in data.split("\n")]
        if self.lines[-1] == "":
            self.lines.pop()
        self.broken = self.bytes = 0
        self.status: Counter[str] = Counter()
        self.methods: Counter[str] = Counter()
        self.paths: Counter[str] = Counter()
        self.hours = [0] * 24
        for line in self.lines:
            found = LINE.fullmatch(line)
            if not found or not exists(found["year"], found["month"], found["day"]):
                self.broken += 1
                continue
            self.status[found["status"]] += 1
            self.methods[found["method"]] += 1
            self.bytes += 0 if found["size"] == "-" else int(found["size"])
            self.paths[re.sub(r'\\(["\\])', r"\1", found["target"]).partition("?")[0]] += 1
            ahead = int(found["ahead"][:2]) * 60 + int(found["ahead"][2:])
            minutes = int(found["hour"]) * 60 + int(found["minute"])
            minutes += -ahead if found["sign"] == "+" else ahead
            self.hours[minutes // 60 % 24] += 1


lock = threading.Lock()
log_read: list[Log] = []


def log() -> Log:
    with lock:
        if not log_read:
            log_read.append(Log())
        return log_read[0]


def wildcard(pattern: str) -> Callable[[str], bool]:
    """Each `*` takes as little as it can, and keeps it: that is enough, and needs no second try."""
    parts = re.sub(r"\*+", "*", pattern).split("*")
    head, *middle = (re.escape(part).replace(r"\?", ".") for part in parts)
    if not middle:
        whole = re.compile(head, re.DOTALL)
        return lambda line: whole.fullmatch(line) is not None
    start = re.compile(head + "".join(f"(?>.*?{part})" for part in middle[:-1]), re.DOTALL)
    end, length = re.compile(middle[-1], re.DOTALL), len(parts[-1])

    def matches(line: str) -> bool:
        found = start.match(line)
        return found is not None and end.fullmatch(line, max(found.end(), len(line) - length)) is not None

    return matches


class Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        self.status, self.text = status, text


Book = dict[str, str]
catalogue: list[Book] = []


def parse(body: bytes) -> list[Book]:
    try:
        root = defusedxml.ElementTree.fromstring(body)
    except ET.ParseError as error:
        raise Refused(400, f"not well-formed: {error}") from None
    except (DefusedXmlException, ValueError, LookupError) as error:
        raise Refused(400, f"refused: {error!r}") from None
    space = f"{{{NS}}}" if root.tag.startswith("{") else ""
    if root.tag != space + "catalog":
        raise Refused(422, f"the root is {root.tag}, not catalog")
    books: dict[str, Book] = {}
    for place, element in enumerate(root.iterfind(space + "book"), 1):
        book = {"id": element.get("id", "").strip(BLANKS)}
        for name in ("title", "author", "year", "price"):
            child = element.find(space + name)
            if child is not None:
                book[name] = (child.text or "").strip(BLANKS)
                if name == "price" and "currency" in child.attrib:
                    book["currency"] = child.attrib["currency"]
        if not book["id"]:
            raise Refused(422, f"book {place} has no id")
        for name in ("title", "author"):
            if not book.get(name):
                raise Refused(422, f"book {book['id']} has no {name}")
        if "year" in book and not re.fullmatch("[+-]?[0-9]+", book["year"]):
            raise Refused(422, f"the year of book {book['id']} is not a number")
        if book["id"] in books:
            raise Refused(422, f"two books have the id {book['id']}")
        books[book["id"]] = book
    return list(books.values())


def fill(parent: ET.Element | None, book: Book) -> ET.Element:
    element = ET.Element(f"{{{NS}}}book", id=book["id"])
    if parent is not None:
        parent.append(element)
    for name in ("title", "author", "year", "price"):
        if name in book:
            ET.SubElement(element, f"{{{NS}}}{name}").text = book[name]
    if "currency" in book:
        element[-1].set("currency", book["currency"])
    return element


def feed(books: list[Book]) -> bytes:
    def add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
        child = ET.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
        child.text = text or None
        return child

    root = ET.Element(f"{{{ATOM}}}feed")
    add(root, "id", "urn:labcheck:lab5:feed")
    add(root, "title", "The catalogue")
    add(root, "updated", STARTED)
    for book in books:
        entry = add(root, "entry")
        add(entry, "id", "urn:labcheck:lab5:book:" + quote(book["id"], safe=""))
        add(entry, "title", book["title"])
        add(add(entry, "author"), "name", book["author"])
        add(entry, "updated", STARTED)
        add(entry, "link", href="/catalog/" + quote(book["id"]))
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def page(books: list[Book]) -> bytes:
    html = ET.Element("html")
    ET.SubElement(ET.SubElement(html, "head"), "title").text = "Catalogue"
    table = ET.SubElement(ET.SubElement(html, "body"), "table")
    for book in books:
        row = ET.SubElement(table, "tr")
        for name in ("id", "title", "author", "year", "price", "currency"):
            ET.SubElement(row, "td").text = book.get(name)
    content: bytes = ET.tostring(html, encoding="utf-8", method="html")
    return b"<!DOCTYPE html>" + content


def year(query: dict[str, str], name: str) -> int | None:
    if name not in query:
        return None
    if not re.fullmatch("-?[0-9]{1,20}", query[name]):
        raise Refused(400, f"{name} is not a year")
    return int(query[name])


def search(query: dict[str, str]) -> list[Book]:
    since, until = year(query, "since"), year(query, "until")
    found = []
    for book in catalogue:
        if any(query.get(name, "").casefold() not in book[name].casefold() for name in ("author", "title")):
            continue
        if since is not None and ("year" not in book or int(book["year"]) < since):
            continue
        if until is not None and ("year" not in book or int(book["year"]) > until):
            continue
        found.append(book)
    return found


def answer(path: str, query: dict[str, str]) -> tuple[str, Any]:
    match path:
        case "/log/summary":
            read = log()
            return "application/json", {
                "lines": len(read.lines),
                "broken": read.broken,
                "bytes": read.bytes,
                "status": read.status,
                "methods": read.methods,
            }
        case "/log/top":
            number = query.get("n", "10")
            if not re.fullmatch("[0-9]{1,4}", number) or not 1 <= int(number) <= 1000:
                raise Refused(400, "n is a number from 1 to 1000")
            paths = sorted(log().paths.items(), key=lambda item: (-item[1], item[0]))
            return "application/json", [{"path": path, "hits": hits} for path, hits in paths[: int(number)]]
        case "/log/hours":
            return "application/json", log().hours
        case "/log/search":
            if "like" not in query:
                raise Refused(400, "like is missing")
            matches = wildcard(query["like"])
            return "application/json", [line for line in log().lines if matches(line)]
        case "/catalog":
            root = ET.Element(f"{{{NS}}}catalog")
            for book in search(query):
                fill(root, book)
            return "application/xml", root
        case "/feed.atom":
            return "application/atom+xml", feed(catalogue)
        case "/catalog.html":
            return "text/html; charset=utf-8", page(catalogue)
    if path.startswith("/catalog/"):
        wanted = unquote(path.removeprefix("/catalog/"))
        for book in catalogue:
            if book["id"] == wanted:
                return "application/xml", fill(None, book)
    raise Refused(404, "there is nothing here")


def written(element: ET.Element) -> bytes:
    # ElementTree refuses default_namespace where an attribute has no namespace, so it is written as an attribute.
    for each in element.iter():
        each.tag = each.tag.partition("}")[2]
    element.set("xmlns", NS)
    content: bytes = ET.tostring(element, encoding="utf-8", xml_declaration=True)
    return content


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def send(self, status: int, kind: str, content: Any) -> None:
        if isinstance(content, ET.Element):
            content = written(content)
        elif not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        try:
            given = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
            self.send(200, *answer(path, given))
        except Refused as error:
            self.send(error.status, "application/json", {"error": error.text})

    def do_POST(self) -> None:
        global catalogue
        length = int(self.headers.get("Content-Length", "0"))
        try:
            if length > 10 * 2**20:
                self.close_connection = True  # the body is not read, so there is no next request
                raise Refused(413, "more than 10 MiB")
            body = self.rfile.read(length)
            if self.path != "/catalog":
                raise Refused(404, "there is nothing here")
            books = parse(body)
            catalogue = books
            self.send(201, "application/json", {"books": len(books)})
        except Refused as error:
            self.send(error.status, "application/json", {"error": error.text})

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    try:
        ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8005), Handler).serve_forever()
    except KeyboardInterrupt:
        pass
