"""xml.sax through defusedxml, on a StreamRequestHandler: answers in Latin-9; a body too large is read to its end."""

import json
import re
import socketserver
import sys
from bisect import bisect_left, insort
from datetime import date
from io import BytesIO
from itertools import islice
from pathlib import Path
from time import gmtime, strftime
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax import ContentHandler, SAXParseException
from xml.sax.handler import feature_namespaces
from xml.sax.saxutils import escape, quoteattr
from xml.sax.xmlreader import InputSource

import defusedxml.sax
from defusedxml import DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden

LAB = "urn:labcheck:books"
LINE = re.compile(
    rb"(?P<host>[^ ]++) (?P<ident>[^ ]++) (?P<user>.(?:[^ ]|[ ](?!\[))*+) \[(?P<time>[^\]]++)\] "
    rb'"(?P<method>[A-Z]++) (?P<target>\*|/(?:[^"\\ ]|\\.)*+) HTTP/[0-9]++(?:\.[0-9]++)?" '
    rb'(?P<status>[0-9]{3}) (?P<size>-|[0-9]++)(?: "(?:[^"\\]|\\.)*+" "(?:[^"\\]|\\.)*+")?',
    re.DOTALL,
)
TIME = re.compile(
    rb"(\d\d)/(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/(\d{4})"
    rb":([01]\d|2[0-3]):([0-5]\d):[0-5]\d ([+-])([01]\d|2[0-3])([0-5]\d)"
)
MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


class Log:
    """The log stays in bytes: the characters of UTF-8 are no bytes that mean something here."""

    def __init__(self, data: bytes) -> None:
        self.lines: list[bytes] = []
        self.counts: dict[str, int] = {"lines": 0, "broken": 0, "bytes": 0}
        self.status: dict[str, int] = {}
        self.methods: dict[str, int] = {}
        self.paths: dict[bytes, int] = {}
        self.hours = [0] * 24
        self.times: dict[bytes, int | None] = {}
        # Unlike str.splitlines, BytesIO ends a line at \n only.
        for line in BytesIO(data):
            self.add(line.removesuffix(b"\n").removesuffix(b"\r"))

    def hour(self, text: bytes) -> int | None:
        found = TIME.fullmatch(text)
        if not found:
            return None
        try:
            date(int(found[3]), MONTHS.index(found[2]) + 1, int(found[1]))
        except ValueError:
            return None
        ahead = int(found[6] + b"1") * (int(found[7]) * 60 + int(found[8]))
        return ((int(found[4]) * 60 + int(found[5]) - ahead) % 1440) // 60

    def add(self, line: bytes) -> None:
        self.lines.append(line)
        self.counts["lines"] += 1
        found = LINE.fullmatch(line)
        hour = None
        if found:
            when = found["time"]
            # 10 s are one hour: with a cache, a busy log has few times.
            key = when[:19] + when[20:]
            if key not in self.times or not when[19:20].isdigit():
                self.times[key] = self.hour(when)
            hour = self.times[key]
        if found is None or hour is None:
            self.counts["broken"] += 1
            return
        self.hours[hour] += 1
        if found["size"] != b"-":
            self.counts["bytes"] += int(found["size"])
        for counts, key in ((self.status, found["status"]), (self.methods, found["method"])):
            name = key.decode("ascii")
            counts[name] = counts.get(name, 0) + 1
        path = re.sub(rb"\\(.)", rb"\1", found["target"]).split(b"?")[0]
        self.paths[path] = self.paths.get(path, 0) + 1


def like(pattern: str) -> Any:
    """Make a function of a pattern: the parts between stars, each looked for behind the one before."""
    parts = [re.escape(part).replace(r"\?", r"(?s:.)") for part in pattern.split("*")]
    if len(parts) == 1:
        return re.compile(parts[0]).fullmatch
    first, *middle, last = (re.compile(part) for part in parts)
    tail = len(pattern) - pattern.rindex("*") - 1
    middle = [part for part in middle if part.pattern]

    def matches(line: str) -> bool:
        found = first.match(line)
        for part in middle:
            if not found:
                return False
            found = part.search(line, found.end())
        return bool(found and last.fullmatch(line, max(len(line) - tail, found.end())))

    return matches


class Problem(Exception):
    pass


class Books(ContentHandler):
    """Keeps where it is as a list of names."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.books: list[dict[str, str]] = []
        self.text = ""
        self.chunks: list[str] = []
        self.root_is_right = False

    def startElementNS(self, name: tuple[str | None, str], qname: str | None, attrs: Any) -> None:  # noqa: N802
        space, local = name
        if not self.names:
            self.root_is_right = local == "catalog" and space in (None, LAB)
        self.names.append(local)
        self.chunks = []
        if self.names == ["catalog", "book"]:
            self.books.append({"id": attrs.get((None, "id"), "").strip()})
        if self.names == ["catalog", "book", "price"]:
            self.books[-1]["currency"] = attrs.get((None, "currency"), "")

    def characters(self, content: str) -> None:
        self.chunks.append(content)

    def endElementNS(self, name: tuple[str | None, str], qname: str | None) -> None:  # noqa: N802
        if len(self.names) == 3 and self.names[:2] == ["catalog", "book"]:
            self.books[-1][name[1]] = "".join(self.chunks).strip(" \t\n\r")
        self.names.pop()


def read_books(body: bytes) -> list[dict[str, str]]:
    handler = Books()
    parser = defusedxml.sax.make_parser()
    parser.setFeature(feature_namespaces, True)
    parser.setContentHandler(handler)
    source = InputSource()
    source.setByteStream(BytesIO(body))
    try:
        parser.parse(source)
    except SAXParseException as error:
        raise Problem(400, str(error)) from None  # <unknown>:LINE:COLUMN: what is wrong
    except (DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden):
        raise Problem(400, "entities are forbidden here") from None
    except (ValueError, LookupError) as error:
        raise Problem(400, f"encoding: {error}") from None
    if not handler.root_is_right:
        raise Problem(422, "the root is no catalog")
    ids: list[str] = []
    for place, book in enumerate(handler.books, 1):
        for key in ("id", "title", "author"):
            if not book.get(key):
                raise Problem(422, f"{key} of book {book['id'] or place} is missing")
        if (at := bisect_left(ids, book["id"])) < len(ids) and ids[at] == book["id"]:
            raise Problem(422, f"id {book['id']}: two books have it")
        insort(ids, book["id"])
        if "year" in book and re.search("[^0-9+-]", book["year"]):
            raise Problem(422, f"year of book {book['id']} is not a number")
    return handler.books


def to_xml(book: dict[str, str], space: str) -> str:
    lines = [f"  <book id={quoteattr(book['id'])}{space}>"]
    lines += [
        f"    <{name}>\n{escape(book[name])}\n    </{name}>" for name in ("title", "author", "year") if name in book
    ]
    if "price" in book:
        currency = f" currency={quoteattr(book['currency'])}" if book["currency"] else ""
        lines.append(f"    <price{currency}>{escape(book['price'])}</price>")
    return "\r\n".join([*lines, "  </book>"])


def latin(text: str) -> bytes:
    start = '<?xml version="1.0" encoding="iso-8859-15" standalone="no"?>\n<!-- made by lab 5 -->\n'
    return (start + text + "\n").encode("iso-8859-15", errors="xmlcharrefreplace")


class Service:
    def __init__(self) -> None:
        self.log = Log((Path(__file__).parent / "access.log").read_bytes())
        self.lines = [line.decode() for line in self.log.lines]
        self.books: tuple[dict[str, str], ...] = ()
        self.changed = gmtime()

    def get(self, target: str) -> tuple[str, bytes | Any]:
        url = urlsplit(target)
        query = {name: value[0] for name, value in parse_qs(url.query, keep_blank_values=True).items()}
        books = self.books
        match url.path.split("/"):
            case ["", "log", "summary"]:
                counts: dict[str, Any] = {"methods": self.log.methods, "status": self.log.status}
                return "application/json", counts | self.log.counts
            case ["", "log", "hours"]:
                return "application/json", self.log.hours
            case ["", "log", "top"]:
                wanted = query.get("n", "10")
                if wanted not in {str(n) for n in range(1, 1001)}:
                    raise Problem(400, "n is a whole number, 1 to 1000")
                # The order of UTF-8's bytes is the order of the characters.
                best = sorted(self.log.paths.items(), key=lambda item: (-item[1], item[0]))
                return "application/json", [
                    {"path": path.decode(), "hits": hits} for path, hits in islice(best, int(wanted))
                ]
            case ["", "log", "search"]:
                if "like" not in query:
                    raise Problem(400, "like what?")
                return "application/json", list(filter(like(query["like"]), self.lines))
            case ["", "catalog"]:
                found = "\n".join(to_xml(book, "") for book in self.chosen(books, query))
                return "application/xml", latin(f"<catalog xmlns={LAB!r}>\n{found}\n</catalog>")
            case ["", "catalog", *name]:
                id = unquote("/".join(name))
                if any(book["id"] == id for book in books):
                    book = next(book for book in books if book["id"] == id)
                    return "APPLICATION/XML", latin(to_xml(book, ""))
            case ["", "catalog.html"]:
                return "text/html; charset=utf-8", self.page(books).encode("utf-8")
            case ["", "feed.atom"]:
                return "application/atom+xml", latin(self.feed(books))
        raise Problem(404, f"no {url.path} here")

    def chosen(self, books: tuple[dict[str, str], ...], query: dict[str, str]) -> list[dict[str, str]]:
        try:
            years = {name: int(query[name]) for name in ("since", "until") if name in query}
        except ValueError:
            raise Problem(400, "a year is a number") from None
        result = []
        for book in books:
            year = int(book["year"]) if book.get("year") else None
            if any(query.get(name, "").casefold() not in book[name].casefold() for name in ("title", "author")):
                continue
            if years and (year is None or not years.get("since", year) <= year <= years.get("until", year)):
                continue
            result.append(book)
        return result

    def page(self, books: tuple[dict[str, str], ...]) -> str:
        head = '<!DOCTYPE html><html><head><meta charset="utf-8"><title>Books</title></head><body><table>\n'
        rows = [
            f"<tr id=book{number}>\n <td>{number}</td>\n"
            f" <td title={quoteattr(book['id'])}>{escape(book['title'])}</td>\n"
            f" <td> {escape(book['author'])} </td>\n <td>{escape(book.get('year', '?'))}</td>\n</tr>\n"
            for number, book in enumerate(books, 1)
        ]
        return head + "".join(rows) + "</table></body></html>"

    def feed(self, books: tuple[dict[str, str], ...]) -> str:
        now = strftime("%Y-%m-%dT%H:%M:%SZ", self.changed)
        parts = [f"<id>urn:labcheck:feed</id><title>Books</title><updated>{now}</updated>"]
        for book in books:
            path = quote(book["id"], safe="")
            parts.append(
                f"<entry><updated>{now}</updated><id>urn:labcheck:book:{path}</id>"
                f"<title>{escape(book['title'])}</title><author><name>{escape(book['author'])}</name></author>"
                f"<link rel='alternate' href='/catalog/{path}' type='application/xml'/>"
                f"<content>A book</content></entry>"
            )
        return f"<feed xmlns='http://www.w3.org/2005/Atom'>{''.join(parts)}</feed>"

    def post(self, target: str, body: bytes) -> dict[str, int]:
        if target != "/catalog":
            raise Problem(404, "nothing can be posted here")
        books = tuple(read_books(body))
        self.books, self.changed = books, gmtime()
        return {"books": len(books)}


class Connection(socketserver.StreamRequestHandler):
    service: Service
    disable_nagle_algorithm = True

    def handle(self) -> None:
        try:
            while self.one():
                pass
        except OSError:
            pass

    def one(self) -> bool:
        first = self.rfile.readline(70_000).split()
        fields: dict[bytes, bytes] = {}
        while (line := self.rfile.readline(70_000).strip()) != b"":
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip()
        if len(first) != 3:
            return False
        method, target = first[0], first[1].decode("latin-1")
        length = int(fields.get(b"content-length", b"0"))
        close = fields.get(b"connection", b"").lower() == b"close" or first[2] == b"HTTP/1.0"
        try:
            if length > 10 * 1_048_576:
                self.answer(413, "application/json", {"error": "too much"}, close)
                while length > 0 and (chunk := self.rfile.read1(min(length, 100_000))):
                    length -= len(chunk)
                return not close and length == 0
            if b"expect" in fields:
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = self.rfile.read(length)
            if len(body) < length:
                return False
            if method == b"POST":
                self.answer(201, "application/json", self.service.post(target, body), close)
            else:
                self.answer(200, *self.service.get(target), close)
        except Problem as problem:
            status, text = problem.args
            self.answer(status, "application/json", {"error": text}, close)
        return not close

    def answer(self, status: int, kind: str, content: Any, close: bool) -> None:
        if not isinstance(content, bytes):
            content = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
        head = f"HTTP/1.1 {status} Status {status}\r\nCONTENT-TYPE: {kind}\r\nCONTENT-LENGTH: {len(content)}\r\n"
        self.wfile.write(f"{head}CONNECTION: {'close' if close else 'keep-alive'}\r\n\r\n".encode() + content)


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 20


def main() -> None:
    Connection.service = Service()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8005
    with Server(("localhost", port), Connection) as server:
        print(f"http://localhost:{port}/")
        server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print()
