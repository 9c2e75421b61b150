"""A server for one connection at a time, HTTP/1.0; minidom, and XML in UTF-16; a document type is refused."""

import fnmatch
import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.dom.minidom import Document, Element, getDOMImplementation
from xml.parsers.expat import ExpatError

import defusedxml.minidom
from defusedxml.common import DefusedXmlException

DAYS = {"Jan": 31, "Feb": 28, "Mar": 31, "Apr": 30, "May": 31, "Jun": 30, "Jul": 31, "Aug": 31, "Sep": 30}
DAYS |= {"Oct": 31, "Nov": 30, "Dec": 31}
BEFORE = re.compile(r"[^ ]+ [^ ]+ (?!\[[0-3][0-9]/.../[0-9]{4}:[^]]*\] \")")
TIME = re.compile(r"\[(\d\d)/(\w{3})/(\d{4}):(\d\d):([0-5]\d):[0-5]\d ([+-])(\d\d)([0-5]\d)\] ", re.ASCII)
REQUEST = re.compile(r'"([A-Z]+) (\*|/(?:[^ "\\]|\\.)*+) HTTP/\d+(?:\.\d+)?" (\d{3}) (\d+|-)', re.ASCII | re.DOTALL)
QUOTED = re.compile(r' "(?:[^"\\]|\\.)*+"', re.DOTALL)


def leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


class Entry:
    """A whole line; what is not one raises ValueError."""

    def __init__(self, line: str) -> None:
        before = BEFORE.match(line)
        user = line.find(" [", before.end() + 1) if before else -1
        when = TIME.match(line, user + 1) if user > 0 else None
        if not before or not when:
            raise ValueError("no user and time")
        day, month, year, hour = int(when[1]), when[2], int(when[3]), int(when[4])
        last = 29 if month == "Feb" and leap(year) else DAYS.get(month, 0)
        if not 1 <= day <= last or hour > 23 or int(when[7]) > 23 or year == 0:
            raise ValueError("no such time")
        offset = int(when[7]) * 60 + int(when[8])
        self.hour = (hour * 60 + int(when[5]) - (offset if when[6] == "+" else -offset)) // 60 % 24
        request = REQUEST.match(line, when.end())
        if not request:
            raise ValueError("no request")
        self.method, self.status = request[1], request[3]
        self.path = request[2].replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\").split("?")[0]
        self.size = 0 if request[4] == "-" else int(request[4])
        end = request.end()
        if end < len(line):
            referer = QUOTED.match(line, end)
            agent = QUOTED.match(line, referer.end()) if referer else None
            if not agent or agent.end() < len(line):
                raise ValueError("no referer and agent")


class Summary:
    def __init__(self, lines: list[str]) -> None:
        self.all: dict[str, Any] = {"status": {}, "methods": {}, "broken": 0, "bytes": 0, "lines": len(lines)}
        self.hits: dict[str, int] = {}
        self.hours = [0 for _ in range(24)]
        for line in lines:
            try:
                entry = Entry(line)
            except ValueError:
                self.all["broken"] += 1
                continue
            self.all["bytes"] += entry.size
            self.hours[entry.hour] += 1
            self.hits[entry.path] = self.hits.get(entry.path, 0) + 1
            for name, value in (("status", entry.status), ("methods", entry.method)):
                self.all[name].setdefault(value, 0)
                self.all[name][value] += 1


def read_lines() -> list[str]:
    text = Path(__file__).with_name("access.log").read_bytes().decode("utf-8", errors="surrogateescape")
    lines = text.replace("\r\n", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


def matching(pattern: str, lines: list[str]) -> list[str]:
    # fnmatch knows brackets, too; [[] is a bracket in its language. Its expressions do not go back behind a star.
    translated = fnmatch.translate(re.sub(r"\*+", "*", pattern.replace("[", "[[]")))
    return list(filter(re.compile(translated).match, lines))


def text_of(element: Element) -> str:
    return "".join(
        node.data for node in element.childNodes if node.nodeType in (node.TEXT_NODE, node.CDATA_SECTION_NODE)
    )


class Bad(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


NAMESPACES = (None, "", "urn:labcheck:books")
Book = dict[str, str]


def catalogue_from(body: bytes) -> dict[str, Book]:
    try:
        document = defusedxml.minidom.parse(BytesIO(body), forbid_dtd=True)
    except ExpatError as error:
        raise Bad(400, f"line {error.lineno}, column {error.offset}: this is not well-formed ({error})") from error
    except (DefusedXmlException, LookupError, ValueError) as error:
        raise Bad(400, f"not accepted: {error}") from error
    root = document.documentElement
    assert root is not None
    if root.localName != "catalog" or root.namespaceURI not in NAMESPACES:
        raise Bad(422, "not a catalog")
    books: dict[str, Book] = {}
    elements = [node for node in root.childNodes if isinstance(node, Element) and node.localName == "book"]
    for index, element in enumerate(elements):
        book = {"id": element.getAttribute("id").strip(" \r\n")}
        for child in element.childNodes:
            if isinstance(child, Element):
                book[str(child.localName)] = text_of(child).strip(" \r\n\t")
                if child.hasAttribute("currency"):
                    book["currency"] = child.getAttribute("currency")
        missing = [name for name in ("id", "title", "author") if not book.get(name)]
        if missing:
            raise Bad(422, f"book {book['id'] or index + 1}: missing {' and '.join(missing)}")
        if book["id"] in books:
            raise Bad(422, f"book {book['id']}: for the second time")
        if "year" in book:
            try:
                int(book["year"])
            except ValueError:
                raise Bad(400, f"book {book['id']}: the year") from None
        books[book["id"]] = book
    document.unlink()
    return books


def new_document(name: str, namespace: str | None = None) -> tuple[Document, Element]:
    implementation = getDOMImplementation()
    assert implementation is not None
    document = implementation.createDocument(namespace, name, None)
    root = document.documentElement
    assert root is not None
    if namespace:
        root.setAttribute("xmlns", namespace)
    return document, root


def append(document: Document, parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    child = parent.appendChild(document.createElement(name))
    for key, value in attributes.items():
        child.setAttribute(key, value)
    if text:
        child.appendChild(document.createTextNode(text))
    return child


def put(document: Document, element: Element, book: Book) -> None:
    element.setAttribute("id", book["id"])
    for name in ("title", "author", "year"):
        if name in book:
            append(document, element, name, book[name])
    if "price" in book:
        price = append(document, element, "price", book["price"])
        if "currency" in book:
            price.setAttribute("currency", book["currency"])


CATALOGUE: dict[str, Book] = {}
CHANGED = [time.gmtime()]


def as_year(query: dict[str, list[str]], name: str, default: float) -> float:
    if name not in query:
        return default
    try:
        return int(query[name][0])
    except ValueError:
        raise Bad(400, f"{name} is a year, such as 1999") from None


class Library(BaseHTTPRequestHandler):
    summary: Summary
    lines: list[str]

    def do_GET(self) -> None:
        url = urlsplit("//x" + self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        try:
            if url.path.startswith("/catalog/"):
                self.book(unquote(url.path[len("/catalog/") :]))
            elif (
                handler := getattr(self, "get_" + re.sub("[/.]", "_", url.path[1:]), None)
                if "_" not in url.path
                else None
            ):
                handler(query)
            else:
                raise Bad(404, "not here")
        except Bad as error:
            self.json({"error": str(error)}, error.status)

    def get_log_summary(self, query: dict[str, list[str]]) -> None:
        self.json(self.summary.all)

    def get_log_hours(self, query: dict[str, list[str]]) -> None:
        self.json(self.summary.hours)

    def get_log_top(self, query: dict[str, list[str]]) -> None:
        number = query.get("n", ["10"])[0]
        if not re.fullmatch(r"\d{1,4}", number, re.ASCII) or not 0 < int(number) < 1001:
            raise Bad(400, "n?")
        top = sorted(self.summary.hits.items(), key=lambda item: (-item[1], item[0]))
        self.json([{"hits": hits, "path": path} for path, hits in top[: int(number)]])

    def get_log_search(self, query: dict[str, list[str]]) -> None:
        if "like" not in query:
            raise Bad(400, "like?")
        self.json(matching(query["like"][0], self.lines))

    def get_catalog(self, query: dict[str, list[str]]) -> None:
        since, until = as_year(query, "since", float("-inf")), as_year(query, "until", float("inf"))
        document, root = new_document("catalog", "urn:labcheck:books")
        for book in CATALOGUE.values():
            wanted = {name: query.get(name, [""])[0].casefold() for name in ("author", "title")}
            if any(text not in book[name].casefold() for name, text in wanted.items()):
                continue
            if "since" in query or "until" in query:
                if "year" not in book or not since <= int(book["year"]) <= until:
                    continue
            put(document, append(document, root, "book"), book)
        self.send(document.toxml("utf-16"), "application/xml")

    def get_catalog_html(self, query: dict[str, list[str]]) -> None:
        document, root = new_document("table")
        for book in CATALOGUE.values():
            row = append(document, root, "tr")
            for name in ("author", "title", "year", "price", "currency", "id"):
                append(document, row, "td", book.get(name, "–"))
        html = (
            "<!DOCTYPE html><html lang='en'><head><title>Library</title></head><body>" + root.toxml() + "</body></html>"
        )
        self.send(html.encode(), "text/html;charset=UTF-8")

    def get_feed_atom(self, query: dict[str, list[str]]) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", CHANGED[0])
        document, root = new_document("feed", "http://www.w3.org/2005/Atom")
        append(document, root, "id", "http://library.example/")
        append(document, root, "title", "Library")
        append(document, root, "updated", now)
        append(document, append(document, root, "author"), "name", "The library")
        for id, book in CATALOGUE.items():
            entry = append(document, root, "entry")
            append(document, entry, "id", "http://library.example/" + quote(id, safe=""))
            append(document, entry, "title", book["title"])
            append(document, append(document, entry, "author"), "name", book["author"])
            append(document, entry, "updated", now)
            append(document, entry, "link", href="catalog/" + quote(id, safe="/"))
        self.send(document.toxml("utf-16"), "application/atom+xml")

    def book(self, id: str) -> None:
        if id not in CATALOGUE:
            raise Bad(404, f"no book {id}")
        document, root = new_document("book")
        put(document, root, CATALOGUE[id])
        self.send(document.toxml("utf-16"), "application/xml")

    def do_POST(self) -> None:
        global CATALOGUE
        length = int(self.headers["Content-Length"])
        try:
            if self.path != "/catalog":
                raise Bad(404, "not here")
            if length > 10 << 20:
                raise Bad(413, "too large")
            CATALOGUE = catalogue_from(self.rfile.read(length))
            CHANGED[0] = time.gmtime()
            self.json({"books": len(CATALOGUE)}, 201)
        except Bad as error:
            self.json({"error": str(error)}, error.status)

    def json(self, value: Any, status: int = 200) -> None:
        self.send(json.dumps(value, indent=1).encode(), "application/json", status)

    def send(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()  # the end of the connection is the end of the content
        self.wfile.write(content)


if __name__ == "__main__":
    Library.lines = read_lines()
    Library.summary = Summary(Library.lines)
    try:
        HTTPServer(("", int(sys.argv[1]) if len(sys.argv) > 1 else 8005), Library).serve_forever()
    except KeyboardInterrupt:
        print("Bye")
