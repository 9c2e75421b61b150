"""No regular expressions: a state machine for the log, run by a thread; pulldom; XML with CDATA everywhere."""

import json
import socketserver
import sys
import threading
import time
from calendar import monthrange
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from os.path import abspath, dirname, join
from string import Template
from typing import Any
from urllib.parse import parse_qsl, quote_plus, unquote_to_bytes
from xml.dom.pulldom import CHARACTERS, END_ELEMENT, START_ELEMENT
from xml.sax import SAXParseException
from xml.sax.handler import feature_namespaces

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser
from defusedxml.pulldom import parse

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CAPITALS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
DIGITS = frozenset("0123456789")


class Broken(Exception):
    pass


class Scanner:
    """Goes over a line once, from left to right."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.at = 0

    def word(self) -> str:
        end = self.line.find(" ", self.at)
        if end <= self.at:
            raise Broken
        word = self.line[self.at : end]
        self.at = end + 1
        return word

    def up_to(self, mark: str, least: int) -> str:
        end = self.line.find(mark, self.at + least)
        if end < 0:
            raise Broken
        text = self.line[self.at : end]
        self.at = end + len(mark)
        return text

    def expect(self, text: str) -> None:
        if not self.line.startswith(text, self.at):
            raise Broken
        self.at += len(text)

    def quoted(self) -> str:
        self.expect('"')
        text = []
        quote = -1
        while True:
            if quote < self.at:  # only then: a search for each of a million backslashes would take its time
                quote = self.line.find('"', self.at)
            if quote < 0:
                raise Broken
            escape = self.line.find("\\", self.at, quote)
            if escape < 0:
                text.append(self.line[self.at : quote])
                self.at = quote + 1
                return "".join(text)
            text.append(self.line[self.at : escape])
            text.append(self.line[escape + 1 : escape + 2])
            self.at = escape + 2

    def rest(self) -> str:
        return self.line[self.at :]


def digits(text: str, length: int | None = None) -> int:
    if not text or not DIGITS.issuperset(text) or (length and len(text) != length):
        raise Broken
    return int(text)


DATES: dict[str, bool] = {}


def check_date(text: str) -> None:
    if text not in DATES:
        day, month, year = (text + "//").split("/")[:3]
        if text.count("/") != 2 or month not in MONTHS:
            raise Broken
        number = digits(year, 4)
        DATES[text] = number > 0 and 1 <= digits(day, 2) <= monthrange(number, MONTHS.index(month) + 1)[1]
    if not DATES[text]:
        raise Broken


def hour_of(text: str) -> int:
    date, _, clock = text.partition(":")
    check_date(date)
    if len(clock) != 14 or clock[2] != ":" or clock[5] != ":" or clock[8] != " " or clock[9] not in "+-":
        raise Broken
    hour, minute, second = digits(clock[:2]), digits(clock[3:5]), digits(clock[6:8])
    hours, minutes = digits(clock[10:12]), digits(clock[12:])
    if hour > 23 or minute > 59 or second > 59 or hours > 23 or minutes > 59:
        raise Broken
    ahead = hours * 60 + minutes
    return (24 * 60 + hour * 60 + minute + (ahead if clock[9] == "-" else -ahead)) // 60 % 24


class Log(threading.Thread):
    """Counts while the server is already there; who asks waits for it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self.summary: dict[str, Any] = {"lines": 0, "broken": 0, "bytes": 0, "status": {}, "methods": {}}
        self.hits: dict[str, int] = {}
        self.hours = [0] * 24

    def run(self) -> None:
        with open(
            join(dirname(abspath(__file__)), "access.log"), encoding="utf-8", errors="replace", newline=""
        ) as file:
            text = file.read()
        start = 0
        while start < len(text):
            end = text.find("\n", start)
            if end < 0:
                end = len(text)
            self.add(text[start : end - 1 if text[end - 1 : end] == "\r" and end > start else end])
            start = end + 1

    def add(self, line: str) -> None:
        self.lines.append(line)
        self.summary["lines"] += 1
        try:
            self.count(Scanner(line))
        except Broken:
            self.summary["broken"] += 1

    def count(self, scanner: Scanner) -> None:
        scanner.word()
        scanner.word()
        scanner.up_to(" [", 1)
        hour = hour_of(scanner.up_to("] ", 0))
        request = scanner.quoted().split(" ")
        if len(request) != 3:
            raise Broken
        method, target, protocol = request
        if not method or not CAPITALS.issuperset(method) or not (target == "*" or target[:1] == "/"):
            raise Broken
        name, slash, version = protocol.partition("/")
        major, dot, minor = version.partition(".")
        if name != "HTTP" or not slash or not major or not DIGITS.issuperset(major + minor) or (dot and not minor):
            raise Broken
        scanner.expect(" ")
        status = scanner.word()
        digits(status, 3)
        end = scanner.line.find(" ", scanner.at)
        size = scanner.line[scanner.at : end] if end >= 0 else scanner.rest()
        length = 0 if size == "-" else digits(size)
        if end >= 0:
            scanner.at = end + 1
            scanner.quoted()
            scanner.expect(" ")
            scanner.quoted()
            if scanner.rest():
                raise Broken
        path = target.partition("?")[0]
        self.hits[path] = self.hits.get(path, 0) + 1
        for counts, key in ((self.summary["status"], status), (self.summary["methods"], method)):
            counts[key] = counts.get(key, 0) + 1
        self.summary["bytes"] += length
        self.hours[hour] += 1


def find(part: str, line: str, start: int) -> int:
    """Where a part with question marks begins, or -1. Its longest text without one is looked for by str.find."""
    pieces = part.split("?")
    rarest = max(pieces, key=len)
    if not rarest:
        return start if start + len(part) <= len(line) else -1
    before, offset = pieces.index(rarest), 0
    offset = sum(len(piece) + 1 for piece in pieces[:before])
    at = line.find(rarest, start + offset)
    while at >= 0:
        begin, place = at - offset, at - offset
        for piece in pieces:
            if not line.startswith(piece, place):
                break
            place += len(piece) + 1
        else:
            if begin + len(part) <= len(line):
                return begin
        at = line.find(rarest, at + 1)
    return -1


def matches(parts: list[str], line: str) -> bool:
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return len(first) == len(line) and find(first, line, 0) == 0
    if len(first) + len(last) > len(line) or find(first, line[: len(first)], 0) != 0:
        return False
    end = len(line) - len(last)
    if find(last, line[end:], 0) != 0:
        return False
    at = len(first)
    for part in parts[1:-1]:
        if part:
            at = find(part, line, at)
            if at < 0:
                return False
            at += len(part)
    return at <= end


class Error(Exception):
    def __init__(self, status: HTTPStatus, text: str) -> None:
        self.status, self.text = status, text


class Parser(DefusedExpatParser):
    """Gives long texts in few pieces: without this, each line of a text would be a node of its own."""

    def reset(self) -> None:
        super().reset()
        vars(self)["_parser"].buffer_text = True


def books_of(body: bytes) -> list[dict[str, str]]:
    parser = Parser()
    parser.setFeature(feature_namespaces, True)
    books: list[dict[str, str]] = []
    text: list[str] = []
    depth = 0
    root = ""
    try:
        events: Any = parse(BytesIO(body), parser)
        for event, node in events:
            if event == START_ELEMENT:
                depth += 1
                text = []
                if depth == 1:
                    root = f"{node.namespaceURI or ''} {node.localName}"
                elif depth == 2:
                    books.append({"id": trim(node.getAttribute("id"))})
                elif node.hasAttribute("currency"):
                    books[-1]["currency"] = node.getAttribute("currency")
            elif event == CHARACTERS:
                text.append(node.data)
            elif event == END_ELEMENT:
                if depth == 3:
                    books[-1][node.localName] = trim("".join(text))
                depth -= 1
    except SAXParseException as error:
        place = f"line {error.getLineNumber()}, column {error.getColumnNumber()}"
        raise Error(HTTPStatus.BAD_REQUEST, f"{error.getMessage()} in {place}") from None
    except (DefusedXmlException, ValueError, LookupError) as error:
        raise Error(HTTPStatus.BAD_REQUEST, f"{type(error).__name__}: not accepted") from None
    if not root:
        raise Error(HTTPStatus.BAD_REQUEST, "nothing at line 1, column 0")
    if root not in (" catalog", "urn:labcheck:books catalog"):
        raise Error(HTTPStatus.UNPROCESSABLE_ENTITY, "a <catalog> was expected")
    seen = set()
    for place_in_list, book in enumerate(books):
        id = book["id"]
        name = f"book {id}" if id else f"the book in place {place_in_list + 1}"
        wrong = [f"no {key}" for key in ("id", "title", "author") if not book.get(key)]
        if id in seen:
            wrong.append("an id that another book has")
        if wrong:
            raise Error(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} has {', '.join(wrong)}")
        seen.add(id)
    return books


def trim(text: str) -> str:
    return text.strip("\t\r\n ")


def integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def xml_text(text: str) -> str:
    """CDATA, also where it would not be needed; its end is divided over two."""
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def attribute(text: str) -> str:
    return "".join(char if char.isalnum() else f"&#{ord(char)};" for char in text)


BOOK = Template("<l:book$space id='$id'><l:title>$title</l:title><l:author>$author</l:author>$more</l:book>\n")


def book_element(book: dict[str, str], space: str = "") -> str:
    more = ""
    if "year" in book:
        more += f"<l:year>{xml_text(book['year'])}</l:year>"
    if "price" in book:
        currency = f" currency='{attribute(book['currency'])}'" if "currency" in book else ""
        more += f"<l:price{currency}>\n  {xml_text(book['price'])}\n</l:price>"
    return BOOK.substitute(
        space=space, id=attribute(book["id"]), title=xml_text(book["title"]), author=xml_text(book["author"]), more=more
    )


ENTRY = Template("""
<entry>
  <title type="html">$title</title>
  <link href="$link"></link>
  <id>$id</id>
  <updated>$now</updated>
  <author><name>$author</name></author>
</entry>""")
SPACE = ' xmlns:l="urn:labcheck:books"'
STATE: dict[str, list[dict[str, str]]] = {"books": []}
LOG = Log()


class Library(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        path, _, rest = self.path.partition("?")
        query = dict(reversed(parse_qsl(rest, keep_blank_values=True)))
        pages: dict[str, Any] = {
            "/log/summary": self.log_summary,
            "/log/top": self.log_top,
            "/log/hours": self.log_hours,
            "/log/search": self.log_search,
            "/catalog": self.catalog,
            "/catalog.html": self.page,
            "/feed.atom": self.feed,
        }
        try:
            if path in pages:
                pages[path](query)
            else:
                self.book(path)
        except Error as error:
            self.send_json({"error": error.text}, error.status)

    def log_summary(self, query: dict[str, str]) -> None:
        LOG.join()
        self.send_json(LOG.summary)

    def log_hours(self, query: dict[str, str]) -> None:
        LOG.join()
        self.send_json(LOG.hours)

    def log_top(self, query: dict[str, str]) -> None:
        LOG.join()
        text = query.get("n", "10")
        number = int(text) if len(text) < 5 and text and DIGITS.issuperset(text) else 0
        if not 1 <= number <= 1000:
            raise Error(HTTPStatus.BAD_REQUEST, "n?")
        best = sorted(LOG.hits, key=lambda path: (-LOG.hits[path], path))
        self.send_json([{"path": path, "hits": LOG.hits[path]} for path in best[:number]])

    def log_search(self, query: dict[str, str]) -> None:
        LOG.join()
        if "like" not in query:
            raise Error(HTTPStatus.BAD_REQUEST, "like?")
        parts = query["like"].split("*")
        parts = [part for place, part in enumerate(parts) if part or place in (0, len(parts) - 1)]
        self.send_json([line for line in LOG.lines if matches(parts, line)])

    def catalog(self, query: dict[str, str]) -> None:
        since, until = integer(query.get("since", "-999999999")), integer(query.get("until", "999999999"))
        if since is None or until is None:
            raise Error(HTTPStatus.BAD_REQUEST, "since and until are years")
        books = []
        for book in STATE["books"]:
            year = integer(book.get("year", ""))
            wanted = [(query[name].lower(), book[name].lower()) for name in ("author", "title") if name in query]
            if not all(text in whole for text, whole in wanted):
                continue
            if ("since" in query or "until" in query) and (year is None or not since <= year <= until):
                continue
            books.append(book_element(book))
        self.send_text(f"<l:catalog{SPACE}>\n{''.join(books)}</l:catalog>", "application/xml")

    def book(self, path: str) -> None:
        start, slash, name = path[1:].partition("/")
        id = unquote_to_bytes(name).decode("utf-8", "replace")
        for book in STATE["books"]:
            if start == "catalog" and slash and book["id"] == id:
                self.send_text(book_element(book, SPACE), "application/xml; charset=UTF-8")
                return
        raise Error(HTTPStatus.NOT_FOUND, "there is no such thing")

    def page(self, query: dict[str, str]) -> None:
        body = "".join(
            "<tr>" + "".join(f"<td><span>{escape(book.get(name, ''))}</span></td>" for name in names) + "</tr>"
            for names in [("title", "author", "year", "price")]
            for book in STATE["books"]
        )
        self.send_text(f"<!DOCTYPE html><body><h1>Books</h1><table border=1>{body}</table></body>", "text/html")

    def feed(self, query: dict[str, str]) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%S.00Z", time.gmtime())
        entries = ""
        for book in STATE["books"]:
            name = quote_plus(book["id"]).replace("+", "%20")
            entries += ENTRY.substitute(
                title=xml_text(escape(book["title"])), link=f"/catalog/{name}", id=f"urn:book:{name}", now=now,
                author=xml_text(book["author"]),
            )  # fmt: skip
        head = f"<title>All</title><id>urn:books</id><updated>{now}</updated><author><name>us</name></author>"
        self.send_text(f'<feed xmlns="http://www.w3.org/2005/Atom">{head}{entries}</feed>', "application/atom+xml")

    def do_POST(self) -> None:
        length = int(self.headers["content-length"] or 0)
        try:
            if length > 10 * 1024 * 1024:
                raise Error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{length} bytes are too many")
            body = self.rfile.read(length)
            if self.path != "/catalog":
                raise Error(HTTPStatus.NOT_FOUND, "there is no such thing")
            STATE["books"] = books = books_of(body)
            self.send_json({"books": len(books)}, HTTPStatus.CREATED)
        except Error as error:
            self.send_json({"error": error.text}, error.status)
            if error.status == 413:
                self.drain(length)

    def drain(self, length: int) -> None:
        """Read what was announced, so that the connection can stay; who sends nothing is left after a while."""
        self.connection.settimeout(3)
        try:
            while length > 0 and (data := self.rfile.read1(65536)):
                length -= len(data)
        except OSError:
            self.close_connection = True
        self.connection.settimeout(self.timeout)

    def send_json(self, value: Any, status: int = 200) -> None:
        self.send_text(json.dumps(value), "application/json", status)

    def send_text(self, text: str, kind: str, status: int = 200) -> None:
        content = text.encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", kind if "html" not in kind else "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(content)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    LOG.start()
    with Server(("0.0.0.0", int(sys.argv[1]) if len(sys.argv) > 1 else 8005), Library) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
