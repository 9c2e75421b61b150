"""A web service over text and XML: it reads a log and a catalogue, and writes JSON, XML, a feed and a page.

Usage: python library.py [PORT]
"""

import html
import json
import re
import sys
import threading
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

import defusedxml
import defusedxml.ElementTree

PORT = 8005
FILE = Path(__file__).with_name("access.log")
MOST = 10 * 1024 * 1024  # bytes of a request's body; all of it is kept in memory
NUMBER = r"[0-9]{1,4000}"  # int() refuses much longer ones
YEAR = f"[+-]?{NUMBER}"
BLANKS = " \t\r\n"  # white space in XML; strip() alone removes more, such as a no-break space
BOOKS = "urn:labcheck:books"  # the namespace of a catalogue
ATOM = "http://www.w3.org/2005/Atom"

Answer = tuple[int, str, bytes]  # a status code, a media type, a body


class RefusedError(Exception):
    """Ends a request with an error: its status code, and a text for the client."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


# --- 1 Strings and regular expressions ---

# ++, *+, ?+ and (?>...) never give back what they have matched. A line can be split in one way only, so nothing is lost
# by that, and one pass over a line is enough to see that it is broken, no matter how long it is.
LINE = re.compile(
    rf"""
    [^ ]++[ ][^ ]++[ ]                                          # HOST IDENT
    (?![ ]\[)(?>.+?[ ]\[)                                       # USER, up to the first " ["
    (?P<day>\d\d)/(?P<month>[A-Z][a-z][a-z])/(?P<year>\d{{4}})
    :(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)[ ]
    (?P<zone>[+-](?:[01]\d|2[0-3])[0-5]\d)\][ ]                 # what the local time is ahead of UTC
    "(?P<method>[A-Z]++)[ ]
    (?P<target>\*|/(?:[^ "\\]++|\\.)*+)[ ]                      # a backslash and what follows it belong together
    HTTP/\d++(?:\.\d++)?+"[ ]
    (?P<status>\d{{3}})[ ](?P<size>{NUMBER}|-)
    (?:[ ]"(?:[^"\\]++|\\.)*+"[ ]"(?:[^"\\]++|\\.)*+")?+        # REFERER AGENT
    """,
    re.VERBOSE | re.ASCII,  # in ASCII, \d is 0 to 9; without it, the digits of any script
)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Log:
    """The lines of a log, and what they add up to."""

    def __init__(self, text: str) -> None:
        # splitlines() would also split at characters that belong to a line, such as U+2028.
        self.lines = [line.removesuffix("\r") for line in text.split("\n")]
        if not self.lines[-1]:
            self.lines.pop()  # what follows the last line end is no line
        self.broken = self.bytes = 0
        self.status, self.methods, self.paths = Counter[str](), Counter[str](), Counter[str]()
        self.hours = [0] * 24
        for line in self.lines:
            try:
                self.count(line)
            except ValueError:
                self.broken += 1

    def count(self, line: str) -> None:
        """Count a line that is whole; ValueError if it is broken."""
        match = LINE.fullmatch(line)
        if not match:
            raise ValueError("not the form of a line")
        year, day, hour, minute, second = (int(match[name]) for name in ("year", "day", "hour", "minute", "second"))
        datetime(year, MONTHS.index(match["month"]) + 1, day, hour, minute, second)  # ValueError: there is no such time
        sign, ahead = match["zone"][0], int(match["zone"][1:3]) * 60 + int(match["zone"][3:])
        # Without the date: 31 Dec 9999 in one zone is in the year 10000 in UTC, which datetime does not have.
        self.hours[(hour * 60 + minute + (ahead if sign == "-" else -ahead)) // 60 % 24] += 1
        self.status[match["status"]] += 1
        self.methods[match["method"]] += 1
        self.bytes += int(match["size"].replace("-", "0"))
        self.paths[re.sub(r'\\(["\\])', r"\1", match["target"].partition("?")[0])] += 1

    def top(self, n: int) -> list[dict[str, object]]:
        """Return the n paths with the most hits."""
        paths = sorted(self.paths.items(), key=lambda item: (-item[1], item[0]))
        return [{"path": path, "hits": hits} for path, hits in paths[:n]]


def wildcard(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern in which * stands for any text, and ? for one character."""
    first, *others = ["".join("." if each == "?" else re.escape(each) for each in part) for part in pattern.split("*")]
    if not others:
        return re.compile(first)
    # Each part is taken where it is found first. To try the next place has no use: it leaves less for what follows.
    middle = "".join(f"(?>.*?{part})" for part in others[:-1])
    return re.compile(f"{first}{middle}.*{others[-1]}")


# --- 2 Parsing XML ---


class Catalog:
    """The element of each book, by id. Nothing in it changes, so a thread may read it while another makes a new one."""

    def __init__(self, books: dict[str, ET.Element]) -> None:
        self.books = books
        self.updated = datetime.now(UTC).isoformat(timespec="seconds")


def parse_catalog(body: bytes) -> Catalog:
    """Return the catalogue in an XML document; its elements are without a namespace, and their texts without blanks."""
    try:
        # xml.etree.ElementTree alone would expand entities, up to billions of them.
        root = defusedxml.ElementTree.fromstring(body, forbid_dtd=True)
    except ET.ParseError as error:
        raise RefusedError(400, f"not well-formed: {error}") from None  # this text has the line and the column
    except defusedxml.DefusedXmlException:
        raise RefusedError(400, "a catalogue has no document type") from None
    except (LookupError, ValueError) as error:
        raise RefusedError(400, f"not a known encoding: {error}") from None
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{BOOKS}}}")
        element.text, element.tail = (element.text or "").strip(BLANKS), None
    if root.tag != "catalog":
        raise RefusedError(422, f"the root element is {root.tag}, not catalog")
    books: dict[str, ET.Element] = {}
    for place, book in enumerate(root.findall("book"), 1):
        id = book.get("id", "").strip(BLANKS)
        if not id:
            raise RefusedError(422, f"book {place} has no id")
        if id in books:
            raise RefusedError(422, f"two books have the id {id}")
        for name in ("title", "author"):
            if not book.findtext(name):
                raise RefusedError(422, f"book {id} has no {name}")
        if not re.fullmatch(YEAR, book.findtext("year", "0")):
            raise RefusedError(422, f"the year of book {id} is not a whole number")
        book.set("id", id)
        books[id] = book
    return Catalog(books)


# --- 3 Searching XML ---


def search(catalog: Catalog, query: dict[str, str]) -> list[ET.Element]:
    """Return the books that meet all conditions of a query."""
    found = [*catalog.books.values()]
    for name in ("author", "title"):
        # casefold() is lower() for comparing. The text is looked for as it is; in an XPath, a quote would end it.
        text = query.get(name, "").casefold()
        found = [book for book in found if text in book.findtext(name, "").casefold()]
    for name, sign in ("since", 1), ("until", -1):
        if name in query:
            if not re.fullmatch(YEAR, query[name]):
                raise RefusedError(400, f"{name} is a year, not {query[name]!r}")
            dated = [book for book in found if book.find("year") is not None]
            found = [book for book in dated if sign * int(book.findtext("year", "")) >= sign * int(query[name])]
    return found


# --- 4 Generating XML ---


def add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    """Add an element with a text to another one, and return it."""
    element = ET.SubElement(parent, tag, attributes)
    element.text = text  # as it is: ElementTree escapes it when it writes
    return element


def feed(catalog: Catalog) -> ET.Element:
    """Return the Atom feed of a catalogue (RFC 4287)."""
    root = ET.Element("feed", xmlns=ATOM)
    add(root, "id", BOOKS)
    add(root, "title", "Library")
    add(root, "updated", catalog.updated)
    add(root, "link", rel="self", href="/feed.atom")
    for id, book in catalog.books.items():
        entry = add(root, "entry")
        add(entry, "id", f"{BOOKS}:{quote(id)}")  # nothing else is in it, so it never changes (section 4.2.6)
        add(entry, "title", book.findtext("title", ""))
        add(add(entry, "author"), "name", book.findtext("author", ""))
        add(entry, "updated", catalog.updated)
        add(entry, "link", href=f"/catalog/{quote(id)}")
    return root


def page(catalog: Catalog) -> str:
    """Return a page with a table of all books."""
    rows = ["<tr><th>Id</th><th>Title</th><th>Author</th></tr>"]
    for id, book in catalog.books.items():
        cells = (id, book.findtext("title", ""), book.findtext("author", ""))
        rows.append("<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in cells) + "</tr>")
    return "\n".join(["<!DOCTYPE html>", "<title>Library</title>", "<table>", *rows, "</table>", ""])


# --- The service ---


class Handler(BaseHTTPRequestHandler):
    """Handles the requests of one client."""

    protocol_version = "HTTP/1.1"  # the connection stays open, so each answer says where it ends
    timeout = 30  # seconds without a byte until the connection is closed
    wbufsize = -1  # header and body are sent together, at the end of each request
    catalog = Catalog({})
    log: Log | None = None
    log_lock = threading.Lock()

    def answer(self) -> None:
        """Read a request, and send what find() returns or refuses."""
        try:
            status, media_type, body = self.find(self.read_body())
        except RefusedError as refused:
            status, media_type, body = to_json({"error": str(refused)}, refused.status)
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not re.fullmatch(r"[0-9]{1,18}", length):
            self.close_connection = True  # nobody knows where the next request begins
            raise RefusedError(411, "send the length of the body in Content-Length")
        if int(length) > MOST:
            self.close_connection = True
            raise RefusedError(413, f"a body has at most {MOST} bytes")
        return self.rfile.read(int(length))

    def find(self, body: bytes) -> Answer:
        """Return the answer to a request."""
        path, _, query_string = self.path.partition("?")
        query = dict(parse_qsl(query_string, keep_blank_values=True))
        catalog = Handler.catalog  # looked up once: it may be another one on the next line
        match self.command, path:
            case "GET", "/log/summary":
                log = self.read_log()
                sums = {"lines": len(log.lines), "broken": log.broken, "bytes": log.bytes}
                return to_json({**sums, "status": log.status, "methods": log.methods})
            case "GET", "/log/top":
                n = query.get("n", "10")
                if not re.fullmatch(NUMBER, n) or not 1 <= int(n) <= 1000:
                    raise RefusedError(400, "n is a number from 1 to 1000")
                return to_json(self.read_log().top(int(n)))
            case "GET", "/log/hours":
                return to_json(self.read_log().hours)
            case "GET", "/log/search":
                if "like" not in query:
                    raise RefusedError(400, "the pattern is missing: /log/search?like=PATTERN")
                pattern = wildcard(query["like"])
                return to_json([line for line in self.read_log().lines if pattern.fullmatch(line)])
            case "POST", "/catalog":
                Handler.catalog = new = parse_catalog(body)  # in one step: clients see the old one or the new one
                return to_json({"books": len(new.books)}, 201)
            case "GET", "/catalog":
                root = ET.Element("catalog", xmlns=BOOKS)
                root.extend(search(catalog, query))
                return to_xml(root)
            case "GET", "/feed.atom":
                return to_xml(feed(catalog), "application/atom+xml")
            case "GET", "/catalog.html":
                return 200, "text/html; charset=utf-8", page(catalog).encode()
            case "GET", _ if path.startswith("/catalog/"):
                id = unquote(path.removeprefix("/catalog/"))
                if id in catalog.books:
                    root = ET.Element("book", catalog.books[id].attrib, xmlns=BOOKS)
                    root.extend(catalog.books[id])
                    return to_xml(root)
        raise RefusedError(404, f"there is no {path}")

    def read_log(self) -> Log:
        """Return the log. The first client that asks for it waits until it is read, and so do all others."""
        with self.log_lock:
            if Handler.log is None:
                Handler.log = Log(FILE.read_bytes().decode("utf-8", "replace"))
            return Handler.log

    def log_message(self, format: str, *args: object) -> None:
        line = format % args
        sys.stderr.write(f"{line.encode('ascii', 'backslashreplace').decode()}\n")


def to_json(value: object, status: int = 200) -> Answer:
    return status, "application/json", json.dumps(value, ensure_ascii=False).encode()


def to_xml(root: ET.Element, media_type: str = "application/xml") -> Answer:
    return 200, media_type, ET.tostring(root, encoding="utf-8", xml_declaration=True)


class Server(ThreadingHTTPServer):
    """Serves each client in its own thread."""

    request_queue_size = 64  # connections that may wait to be accepted; the default is 5

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that leaves early is normal; anything else is a bug in this program.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    try:
        with Server(("127.0.0.1", port), Handler) as server:
            print(f"Started library: http://localhost:{port}/catalog.html (Ctrl+C stops it)")
            server.serve_forever()
    except KeyboardInterrupt:
        print("Ctrl+C: shutting down")


if __name__ == "__main__":
    main()
