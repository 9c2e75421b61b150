"""A web service over text and XML: it reads a log and a catalogue, and writes JSON, XML, a feed and a page.

Usage: python library.py [PORT]

It runs as it is, but its answers are wrong where there is a TODO. The lab sheet (README.md)
explains each step; `labcheck lab5` shows which requirements already pass.
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
MOST = 1024 * 1024  # TODO 2.6: let a body have up to 10 MiB
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

# TODO 1.1: describe a line that is whole, and no other; the second form has two more parts in quotes.
#   Given:  re.VERBOSE leaves out blanks, line breaks and comments in the expression; [ ] is a blank.
#           (?P<name>...) is a part that count() finds under its name.
#   Done:   `labcheck lab5 --only 1.1`; by hand: curl http://localhost:8005/log/summary
# TODO 1.2: the user is all up to the first " [", and may have blanks; a quote after a backslash does not end a part.
# TODO 1.6: let no part give back what it has matched, so that a long line is left after one pass.
#   Given:  ++ and *+ are + and * that give nothing back; (?>...) is a group that does not.
LINE = re.compile(
    r"""
    [^ ]+[ ][^ ]+[ ][^ ]+[ ]
    \[(?P<day>\d+)/(?P<month>\w+)/(?P<year>\d+):(?P<hour>\d+):(?P<minute>\d+):(?P<second>\d+)[ ](?P<zone>[+-]\d+)\][ ]
    "(?P<method>\w+)[ ](?P<target>[^ "]*)[ ][^"]*"[ ]
    (?P<status>\d+)[ ](?P<size>\d+)
    """,
    re.VERBOSE,
)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Log:
    """The lines of a log, and what they add up to."""

    def __init__(self, text: str) -> None:
        # TODO 1.1: a line may also end with CR LF. After the last line end, there is a line only if it is not empty.
        self.lines = text.split("\n")
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
        hour = int(match["hour"])
        # TODO 1.1: raise ValueError for a date or a time that does not exist.
        #   Given:  datetime(year, month, day, hour, minute, second) raises it, and so does MONTHS.index().
        # TODO 1.4: count the hour in UTC.
        #   Given:  match["zone"], such as +0530: the line's clock is 5 hours and 30 minutes ahead of UTC.
        #   Done:   `labcheck lab5 --only 1.4`; by hand: curl http://localhost:8005/log/hours
        self.hours[hour % 24] += 1
        self.status[match["status"]] += 1
        self.methods[match["method"]] += 1
        self.bytes += int(match["size"])  # TODO 1.2: a size may be "-" as well: no bytes
        # TODO 1.3: count the path, which ends at the first "?".
        # TODO 1.2: in the target, a backslash with a quote stands for a quote, and two backslashes for one.
        self.paths[match["target"]] += 1

    def top(self, n: int) -> list[dict[str, object]]:
        """Return the n paths with the most hits."""
        # TODO 1.3: put paths with as many hits in the order of their characters.
        #   Given:  sorted() with a key that is a tuple.
        #   Done:   `labcheck lab5 --only 1.3`; by hand: curl "http://localhost:8005/log/top?n=3"
        return [{"path": path, "hits": hits} for path, hits in self.paths.most_common(n)]


def wildcard(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern in which * stands for any text, and ? for one character."""
    # TODO 1.5: let * stand for any text, ? for one character, and everything else for itself.
    #   Given:  re.escape() writes a text so that each character stands for itself.
    #   Done:   `labcheck lab5 --only 1.5`; by hand: curl "http://localhost:8005/log/search?like=*/notes*"
    # TODO 1.6: do it so that a pattern with many * is quick on a long line, too.
    return re.compile(re.escape(pattern))


# --- 2 Parsing XML ---


class Catalog:
    """The element of each book, by id."""

    def __init__(self, books: dict[str, ET.Element]) -> None:
        self.books = books
        self.updated = datetime.now(UTC).isoformat(timespec="seconds")


def parse_catalog(body: bytes) -> Catalog:
    """Return the catalogue in an XML document; its elements are without a namespace, and their texts without blanks."""
    # TODO 2.2: let the parser find the encoding of the bytes, and accept elements with the namespace and without it.
    #   Given:  the tag of an element in the namespace is {urn:labcheck:books}title; removeprefix().
    # TODO 2.3: refuse XML that is not well-formed with 400, and say at which line and column.
    #   Given:  ET.ParseError, whose text has both.
    #   Done:   `labcheck lab5 --only 2.3`; by hand: curl -i -d "<catalog>" http://localhost:8005/catalog
    # TODO 2.4: refuse with 422: another root element, a book without id, title or author, and two books with one id.
    # TODO 2.5: refuse a document type with 400.
    #   Given:  defusedxml.ElementTree.fromstring(body, forbid_dtd=True); it raises defusedxml.DefusedXmlException.
    # TODO 4.3: refuse characters that XML cannot hold, instead of leaving one of them out.
    document = body.decode("utf-8", "replace").replace("\x0b", "")
    root = ET.fromstring(document)
    for element in root.iter():
        element.text, element.tail = (element.text or "").strip(BLANKS), None
    return Catalog({book.get("id", ""): book for book in root.findall("book")})


# --- 3 Searching XML ---


def search(catalog: Catalog, query: dict[str, str]) -> list[ET.Element]:
    """Return the books that meet all conditions of a query."""
    # TODO 3.1: return all books in the order in which they came.
    found = sorted(catalog.books.values(), key=lambda book: book.findtext("title", ""), reverse=True)
    # TODO 3.2: look at author and title without regard to case; since and until are years (400 if they are not).
    #   Given:  casefold(), which is lower() for comparing; a query has only the names that the client sent.
    #   Done:   `labcheck lab5 --only 3.2`; by hand: curl "http://localhost:8005/catalog?since=1900"
    # TODO 3.3: look for the text as it is; now some of its characters are special.
    return [book for book in found if re.search(query.get("author", ""), book.findtext("author", ""))]


# --- 4 Generating XML ---


def add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    """Add an element with a text to another one, and return it."""
    element = ET.SubElement(parent, tag, attributes)
    element.text = text  # as it is: ElementTree escapes it when it writes
    return element


def feed(catalog: Catalog) -> ET.Element:
    """Return the Atom feed of a catalogue (RFC 4287)."""
    root = ET.Element("feed", xmlns=ATOM)
    add(root, "title", "Library")
    # TODO 4.2: add id and updated, and an entry for each book (RFC 4287, sections 4.1.1 and 4.1.2).
    #   Given:  add(), above; catalog.updated; quote() writes an id as part of a URL.
    #   Done:   `labcheck lab5 --only 4.2`; by hand: curl -i http://localhost:8005/feed.atom
    return root


def page(catalog: Catalog) -> str:
    """Return a page with a table of all books."""
    rows = ["<tr><th>Id</th><th>Title</th><th>Author</th></tr>"]
    for id, book in catalog.books.items():
        cells = (id, book.findtext("title", ""), book.findtext("author", ""))
        # TODO 4.4: show <, > and & as characters; now a browser reads them as markup.
        #   Given:  the module html, imported above.
        rows.append("<tr>" + "".join(f"<td>{text}</td>" for text in cells) + "</tr>")
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
            raise RefusedError(400, f"a body has at most {MOST} bytes")  # TODO 2.6: this has a status code of its own
        return self.rfile.read(int(length))

    def find(self, body: bytes) -> Answer:
        """Return the answer to a request."""
        path, _, query_string = self.path.partition("?")
        query = dict(parse_qsl(query_string, keep_blank_values=True))
        catalog = Handler.catalog
        match self.command, path:
            case "GET", "/log/summary":
                log = self.read_log()
                sums = {"lines": len(log.lines), "broken": log.broken, "bytes": log.bytes}
                return to_json({**sums, "status": log.status, "methods": log.methods})
            case "GET", "/log/top":
                n = query.get("n", "10")
                # TODO 1.3: refuse everything but a number from 1 to 1000.
                #   Given:  raise RefusedError(400, "the reason") ends the request with that status.
                return to_json(self.read_log().top(int(n)))
            case "GET", "/log/hours":
                return to_json(self.read_log().hours)
            case "GET", "/log/search":
                pattern = wildcard(query.get("like", "*"))  # TODO 1.5: without `like`, refuse the request with 400
                return to_json([line for line in self.read_log().lines if pattern.fullmatch(line)])
            case "POST", "/catalog":
                # TODO 2.1: answer 201 with the number of books.
                # TODO 2.7: let other clients see the old catalogue or the new one, and nothing in between.
                catalog.books.clear()
                catalog.books.update(parse_catalog(body).books)
                return to_json({"books": 0})
            case "GET", "/catalog":
                root = ET.Element("catalog", xmlns=BOOKS)
                root.extend(search(catalog, query))
                return to_xml(root)
            case "GET", "/feed.atom":
                return to_xml(feed(catalog))  # TODO 4.2: a feed has a media type of its own
            case "GET", "/catalog.html":
                return 200, "text/html; charset=utf-8", page(catalog).encode()
            case "GET", _ if path.startswith("/catalog/"):
                # TODO 3.4: answer the element of the book with this id as a document; 404 if there is no such book.
                #   Given:  unquote(), imported above: in a path, a blank is %20; catalog.books.
                #   Done:   `labcheck lab5 --only 3.4`; by hand: curl -i http://localhost:8005/catalog/bk1
                return to_xml(ET.Element("book", xmlns=BOOKS))
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
    # TODO 4.1: declare the encoding, and keep line breaks in texts: another program must read back the same text.
    #   Given:  the argument xml_declaration of ET.tostring().
    return 200, media_type, ET.tostring(root, encoding="utf-8").replace(b"\n", b" ")


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
