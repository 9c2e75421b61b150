"""wsgiref with a pool of threads; a program of its own counts the log; each catalogue is a file beside the program."""

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from xml.dom import Node
from xml.etree import ElementTree

import defusedxml.expatbuilder
import defusedxml.minidom
from defusedxml import DefusedXmlException

HERE = Path(__file__).resolve().parent
SPACE = "urn:labcheck:books"

COUNTER = textwrap.dedent(r"""
    import json, re, sys
    from datetime import datetime

    text = r'"(?:[^"\\]|\\["\\]|\\.)*+"'
    line = re.compile(
        rf"(?s:[^ ]+ [^ ]+ .(?:(?! \[).)*+ \[(.{{20}} [+-]....)\] ({text}) ([0-9]{{3}}) ([0-9]+|-)(?: {text} {text})?)"
    )
    request = re.compile(r'"([A-Z]+) (\*|/[^ ]*) HTTP/[0-9]+(?:\.[0-9]+)?"')
    names = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    days = {}

    def hour(time):
        parts = re.fullmatch(r"(\d\d)/(...)/(\d{4}):(\d\d):([0-5]\d):([0-5]\d) ([+-])(\d\d)([0-5]\d)", time, re.A)
        if not parts or int(parts[4]) > 23 or int(parts[8]) > 23 or parts[2] not in names:
            raise ValueError(time)
        if time[:11] not in days:
            days[time[:11]] = datetime(int(parts[3]), names.index(parts[2]) + 1, int(parts[1]))
        minutes = int(parts[8]) * 60 + int(parts[9])
        return (int(parts[4]) * 60 + int(parts[5]) + (minutes if parts[7] == "-" else -minutes)) // 60 % 24

    result = {"summary": {"lines": 0, "broken": 0, "bytes": 0, "status": {}, "methods": {}}, "paths": {}}
    hours = result["hours"] = [0] * 24
    summary = result["summary"]
    for each in sys.stdin.buffer:
        summary["lines"] += 1
        each = each.decode("utf-8").removesuffix("\n").removesuffix("\r")
        found = line.fullmatch(each)
        try:
            when = hour(found[1]) if found else -1
        except ValueError:
            when = -1
        asked = request.fullmatch(re.sub(r'\\(["\\])', r"\1", found[2])) if found else None
        if when < 0 or not asked:
            summary["broken"] += 1
            continue
        hours[when] += 1
        path = asked[2].split("?")[0]
        result["paths"][path] = result["paths"].get(path, 0) + 1
        summary["status"][found[3]] = summary["status"].get(found[3], 0) + 1
        summary["methods"][asked[1]] = summary["methods"].get(asked[1], 0) + 1
        summary["bytes"] += int(found[4]) if found[4] != "-" else 0
    json.dump(result, sys.stdout)
""")


class Log:
    def __init__(self) -> None:
        self.result: dict[str, Any] = {}
        with (HERE / "access.log").open("rb") as file:
            self.process = subprocess.Popen([sys.executable, "-c", COUNTER], stdin=file, stdout=subprocess.PIPE)
        with (HERE / "access.log").open("rb") as file:
            self.lines = [line.removesuffix(b"\n").removesuffix(b"\r").decode() for line in file]
        self.thread = Thread(target=self.wait, daemon=True)
        self.thread.start()

    def wait(self) -> None:
        output, _ = self.process.communicate()
        self.result = json.loads(output)

    def __getitem__(self, name: str) -> Any:
        self.thread.join()
        return self.result[name]


def found_by(pattern: str, lines: list[str]) -> list[str]:
    stars = re.compile(r"\*+").split(pattern)
    pieces = [re.compile("".join("." if char == "?" else re.escape(char) for char in piece), re.S) for piece in stars]

    def fits(line: str) -> bool:
        position = 0
        for number, (piece, star) in enumerate(zip(pieces, stars, strict=True)):
            last = number == len(pieces) - 1
            if last and number:
                return len(line) - len(star) >= position and bool(piece.match(line, len(line) - len(star)))
            found = piece.search(line, position) if number else piece.match(line)
            if found is None:
                return False
            position = found.end()
        return position == len(line)

    return [line for line in lines if fits(line)]


class Fault(Exception):
    def __init__(self, status: str, text: str) -> None:
        self.status, self.text = status, text


def text(node: Any) -> str:
    if node.nodeType in (Node.TEXT_NODE, Node.CDATA_SECTION_NODE):
        return str(node.data)
    return "".join(text(child) for child in node.childNodes if child.nodeType != Node.COMMENT_NODE)


def parsed(body: bytes) -> list[dict[str, str]]:
    try:
        document: Any = defusedxml.expatbuilder.parse(BytesIO(body), forbid_dtd=False)
    except DefusedXmlException:
        raise Fault("400 No", "no entities, please") from None
    except Exception as error:
        if not hasattr(error, "lineno"):
            raise Fault("400 No", f"{error}") from None
        raise Fault("400 No", f"{error} ({error.lineno}/{getattr(error, 'offset', 0)})") from None
    root = document.documentElement
    if root.localName != "catalog" or root.namespaceURI not in (None, SPACE):
        raise Fault("422 No", "the root element is wrong")
    books: list[dict[str, str]] = []
    seen: set[str] = set()
    for element in root.getElementsByTagNameNS(root.namespaceURI, "book"):
        book = {"id": element.getAttribute("id").strip(" \t\r\n")}
        for child in element.childNodes:
            if child.nodeType == Node.ELEMENT_NODE:
                book[child.localName] = text(child).strip(" \t\r\n")
                if child.localName == "price":
                    book["currency"] = child.getAttribute("currency")
        name = book["id"] or f"at place {len(books) + 1}"
        if book["id"] in seen:
            raise Fault("422 No", f"the book {name} comes twice")
        if "" in (book["id"], book.get("title", ""), book.get("author", "")):
            raise Fault("422 No", f"the book {name} lacks something")
        if "year" in book and not re.fullmatch(r"[+-]?[0-9]+", book["year"]):
            raise Fault("422 No", f"the book {name} has no year like 1999")
        seen.add(book["id"])
        books.append(book)
    return books


class Library:
    def __init__(self) -> None:
        self.folder = HERE / "catalogues"
        self.folder.mkdir(exist_ok=True)
        self.serial = 0
        self.current = ""
        self.log = Log()
        self.save([])

    def save(self, books: list[dict[str, str]]) -> None:
        """A file of its own for each catalogue, and then its name: who reads has the one or the other."""
        self.serial += 1
        name = os.path.join(self.folder, f"{self.serial}-{id(books)}.json")
        with open(name, "w", encoding="utf-8") as file:
            json.dump(books, file)
        self.current, old = name, self.current
        # The one before may be open in another thread; on Windows it cannot be removed then.
        if old and self.serial % 50 == 0:
            for each in os.scandir(self.folder):
                if each.path not in (old, name) and each.stat().st_mtime < os.stat(name).st_mtime - 60:
                    os.remove(each.path)

    def books(self) -> list[dict[str, str]]:
        with open(self.current, encoding="utf-8") as file:
            books: list[dict[str, str]] = json.load(file)
        return books

    def element(self, parent: Any, book: dict[str, str], prefix: str = "b:") -> None:
        parent.set("id", book["id"])
        for name in ("year", "author", "title", "price"):
            if name in book:
                child = ElementTree.SubElement(parent, prefix + name)
                child.text = book[name]
                if name == "price" and book.get("currency"):
                    child.set("currency", book["currency"])

    def written(self, root: Any, kind: str = "application/xml") -> tuple[str, bytes]:
        out = BytesIO()
        ElementTree.ElementTree(root).write(out, encoding="ISO-8859-1", xml_declaration=True)
        return kind, out.getvalue()

    def get(self, path: str, query: dict[str, list[str]]) -> tuple[str, Any]:
        json_type = "application/json;charset=UTF-8"
        if path == "/log/summary":
            return json_type, self.log["summary"]
        if path == "/log/hours":
            return json_type, self.log["hours"]
        if path == "/log/top":
            try:
                n = ["10", *query.get("n", [])][-1]
                number = int(n) if n.isascii() and n.isdecimal() else 0
            except ValueError:
                number = 0
            if number < 1 or number > 1000:
                raise Fault("400 Bad", "n must be 1 to 1000")
            pairs = sorted(self.log["paths"].items(), key=lambda pair: pair[0])
            pairs.sort(key=lambda pair: -pair[1])
            return json_type, [{"path": name, "hits": hits} for name, hits in pairs[:number]]
        if path == "/log/search":
            if "like" not in query:
                raise Fault("400 Bad", "like must be there")
            return json_type, found_by(query["like"][0], self.log.lines)
        if path == "/catalog":
            root = ElementTree.Element("b:catalog", {"xmlns:b": SPACE})
            for book in self.search(query):
                self.element(ElementTree.SubElement(root, "b:book"), book)
            return self.written(root)
        if path == "/catalog.html":
            return "text/html; charset=iso-8859-1", self.page()
        if path == "/feed.atom":
            return self.feed()
        for book in self.books() if path.startswith("/catalog/") else []:
            if book["id"] == path[len("/catalog/") :]:
                root = ElementTree.Element("book")
                self.element(root, book, "")
                return self.written(root, "application/xml; charset=ISO-8859-1")
        raise Fault("404 Lost", f"there is no {path}")

    def search(self, query: dict[str, list[str]]) -> list[dict[str, str]]:
        books = self.books()
        for name in ("title", "author"):
            for wanted in query.get(name, []):
                books = [book for book in books if wanted.casefold() in book[name].casefold()]
        for name in ("since", "until"):
            for wanted in query.get(name, []):
                if not re.fullmatch("[+-]?[0-9]+", wanted):
                    raise Fault("400 Bad", f"{wanted} is not a year")
                sign = 1 if name == "since" else -1
                books = [book for book in books if "year" in book and sign * int(book["year"]) >= sign * int(wanted)]
        return books

    def page(self) -> bytes:
        html = ElementTree.Element("html")
        table = ElementTree.SubElement(ElementTree.SubElement(html, "body"), "table")
        heading = ElementTree.SubElement(table, "tr")
        for name in ("What", "Who", "When", "How much"):
            ElementTree.SubElement(heading, "td").text = name
        for book in self.books():
            row = ElementTree.SubElement(table, "tr")
            for name in ("title", "author", "year", "price"):
                ElementTree.SubElement(row, "td").text = book.get(name, "")
        return ElementTree.tostring(html, encoding="ascii", method="html")  # type: ignore[no-any-return]

    def feed(self) -> tuple[str, bytes]:
        now = datetime.now(timezone(timedelta(hours=2))).isoformat(timespec="milliseconds")
        feed = ElementTree.Element("atom:feed", {"xmlns:atom": "http://www.w3.org/2005/Atom"})

        def add(parent: Any, name: str, content: str | None = None) -> Any:
            child = ElementTree.SubElement(parent, f"atom:{name}")
            child.text = content
            return child

        add(feed, "id", "urn:example:feed")
        add(feed, "title", "News")
        add(feed, "updated", now)
        for book in self.books():
            entry = add(feed, "entry")
            add(entry, "id", f"urn:example:{quote(book['id'], safe='')}")
            add(entry, "title", book["title"]).set("type", "text")
            add(add(entry, "author"), "name", book["author"])
            add(entry, "updated", now)
            add(entry, "link").set("href", f"/catalog/{quote(book['id'], safe='')}")
        return self.written(feed, "application/atom+xml")

    def post(self, environ: dict[str, Any]) -> tuple[str, Any]:
        if environ["PATH_INFO"] != "/catalog":
            raise Fault("404 Lost", "not here")
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > 10 * 2**20:
            raise Fault("413 Too Much", "10 MiB are enough")
        books = parsed(environ["wsgi.input"].read(length))
        self.save(books)
        return "application/json", {"books": len(books)}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status = "200 Fine"
        try:
            if environ["REQUEST_METHOD"] == "POST":
                status = "201 Taken"
                kind, content = self.post(environ)
            else:
                path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
                kind, content = self.get(path, parse_qs(environ["QUERY_STRING"], keep_blank_values=True))
        except Fault as fault:
            status, kind, content = fault.status, "application/json", {"error": fault.text}
        if not isinstance(content, bytes):
            content = json.dumps(content, ensure_ascii=False).encode()
        start_response(status, [("Content-Type", kind), ("Cache-Control", "no-store")])
        return [content[start : start + 50_000] for start in range(0, len(content), 50_000)]


class Server(WSGIServer):
    """A few threads take the connections from a queue."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.waiting: Queue[tuple[Any, Any]] = Queue()
        for _ in range(16):
            Thread(target=self.work, daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.waiting.put((request, client_address))

    def work(self) -> None:
        while True:
            request, address = self.waiting.get()
            try:
                self.finish_request(request, address)
            except OSError:
                pass
            finally:
                self.shutdown_request(request)


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def main() -> None:
    library = Library()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8005
    with make_server("127.0.0.1", port, library, Server, Quiet) as server:
        server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
