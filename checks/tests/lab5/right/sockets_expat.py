"""Raw sockets with a thread per connection, which stays open; expat's handlers; XML and HTML written by hand."""

import json
import re
import socket
import sys
import threading
from datetime import datetime, timedelta, timezone
from operator import itemgetter
from os import path as ospath
from typing import Any
from urllib.parse import parse_qsl, quote, unquote
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

LIMIT = 10 * 1024 * 1024
LOG: list[str] = []
SUMMARY: dict[str, Any] = {"lines": 0, "broken": 0, "bytes": 0, "status": {}, "methods": {}}
PATHS: dict[str, int] = {}
HOURS: list[int] = 24 * [0]
BOOKS: dict[str, dict[str, str]] = {}  # replaced as a whole, never changed

FIRST = re.compile(r"[^ ]+ [^ ]+ ")
REST = re.compile(
    r'([0-3][0-9]/[A-Z][a-z]{2}/[0-9]{4}:[0-2][0-9]:[0-5][0-9]:[0-5][0-9] [+-][0-2][0-9][0-5][0-9])\] "([A-Z]+) '
    r'(\*|/(?:[^ "\\]|\\["\\])*+) HTTP/[0-9]+(?:\.[0-9]+)?" ([0-9][0-9][0-9]) ([0-9]+|-)'
    r'(?: "(?:[^"\\]|\\.)*+" "(?:[^"\\]|\\.)*+")?\Z',
    re.DOTALL,
)
# strptime knows the months by the locale, so they are replaced by numbers.
MONTH = {
    name: f"{number:02}"
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
    )
}
DATES: dict[str, bool] = {}


def hour(text: str) -> int:
    """The hour in UTC, or -1 if there is no such time. Most lines have a date that was seen before."""
    date, clock = text[:11], [int(text[12:14]), int(text[15:17]), int(text[18:20])]
    if date not in DATES:
        try:
            datetime.strptime(date.replace(date[3:6], MONTH.get(date[3:6], "x"), 1), "%d/%m/%Y")
            DATES[date] = True
        except ValueError:
            DATES[date] = False
    ahead = int(text[-4:-2])
    if not DATES[date] or clock[0] > 23 or ahead > 23:
        return -1
    minutes = ahead * 60 + int(text[-2:])
    return (clock[0] * 60 + clock[1] + (minutes if text[-5] == "-" else -minutes)) // 60 % 24


def load() -> None:
    with open(ospath.join(ospath.dirname(ospath.abspath(__file__)), "access.log"), "rb") as file:
        for raw in file:  # in bytes, a line ends at \n only
            line = raw.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
            LOG.append(line)
            start = FIRST.match(line)
            bracket = line.find(" [", start.end() + 1) if start else -1
            found = REST.match(line, bracket + 2) if bracket > 0 else None
            when = hour(found[1]) if found else -1
            if found is None or when < 0:
                SUMMARY["broken"] += 1
                continue
            SUMMARY["status"][found[4]] = SUMMARY["status"].get(found[4], 0) + 1
            SUMMARY["methods"][found[2]] = SUMMARY["methods"].get(found[2], 0) + 1
            if found[5] != "-":
                SUMMARY["bytes"] += int(found[5])
            path = re.sub(r"\\(.)", r"\1", found[3]).split("?", 1)[0]
            PATHS[path] = PATHS.get(path, 0) + 1
            HOURS[when] += 1
    SUMMARY["lines"] = len(LOG)


def like(pattern: str, line: str) -> bool:
    """Match part by part, from left to right; the first and the last part have their places."""
    parts = pattern.split("*")
    if len(parts) == 1:
        return len(line) == len(pattern) and same(pattern, line)
    first, last = parts[0], parts[-1]
    if len(line) < len(first) + len(last) or not same(first, line[: len(first)]):
        return False
    if last and not same(last, line[-len(last) :]):
        return False
    at, end = len(first), len(line) - len(last)
    for part in parts[1:-1]:
        at = where(part, line, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def same(part: str, text: str) -> bool:
    return part == text if "?" not in part else all(a in ("?", b) for a, b in zip(part, text, strict=True))


def where(part: str, line: str, at: int, end: int) -> int:
    """Where the part is in line[at:end], or -1."""
    if "?" not in part:
        return line.find(part, at, end)
    if not part.strip("?"):
        return at if at + len(part) <= end else -1
    found = re.compile(re.escape(part).replace(r"\?", "."), re.DOTALL).search(line, at, end)
    return found.start() if found else -1


class Refused(Exception):
    """A status and what is wrong."""


class Catalogue:
    """Collects the books of a document from the events of expat."""

    def __init__(self) -> None:
        self.books: dict[str, dict[str, str]] = {}
        self.wrong: str | None = None  # the first; a document that is not well-formed is worse
        self.path: list[str] = []
        self.count = 0
        self.book: dict[str, str] = {}
        self.text: list[str] = []
        parser = self.parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.text.append
        parser.EntityDeclHandler = self.entity

    def entity(self, *about: object) -> None:
        raise Refused(400, "entities are not accepted")

    def complain(self, text: str) -> None:
        self.wrong = self.wrong or text

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        if space not in ("", "urn:labcheck:books"):
            local = name
        if not self.path and local != "catalog":
            self.complain(f"<{name}> is not a catalog")
        self.path.append(local)
        self.text.clear()
        if self.path == ["catalog", "book"]:
            self.count += 1
            self.book = {"id": attributes.get("id", "").strip()}
        elif self.path == ["catalog", "book", "price"] and "currency" in attributes:
            self.book["currency"] = attributes["currency"]

    def end(self, name: str) -> None:
        if len(self.path) == 3 and self.path[:2] == ["catalog", "book"]:
            self.book[self.path[2]] = "".join(self.text).strip(" \t\r\n")
        elif self.path == ["catalog", "book"]:
            id = self.book["id"]
            if not id:
                self.complain(f"the book in place {self.count} has no id")
            elif id in self.books:
                self.complain(f"the id {id} occurs twice")
            for key in ("title", "author"):
                if not self.book.get(key):
                    self.complain(f"the book {id or self.count} has no {key}")
            if not re.fullmatch("[+-]?[0-9]+", self.book.get("year", "0")):
                self.complain(f"the book {id} has a year that is no number")
            self.books[id] = self.book
        self.path.pop()

    def read(self, body: bytes) -> dict[str, dict[str, str]]:
        try:
            self.parser.Parse(body, True)
        except expat.ExpatError as error:
            raise Refused(400, f"{expat.ErrorString(error.code)} at {error.lineno}:{error.offset}") from None
        except (ValueError, LookupError) as error:
            raise Refused(400, f"unknown encoding: {error}") from None
        if self.wrong:
            raise Refused(422, self.wrong)
        return self.books


def element(book: dict[str, str], attributes: str = "") -> str:
    text = f"<book{attributes} id={quoteattr(book['id'])}>"
    for name in ("author", "title", "year"):
        if name in book:
            text += f"<{name}>{escape(book[name])}</{name}>"
    if "price" in book:
        currency = f" currency={quoteattr(book['currency'])}" if "currency" in book else ""
        text += f"<price{currency}>{escape(book['price'])}</price>"
    return text + "</book>"


def latin(text: str) -> bytes:
    """What Latin-1 does not have becomes a reference to the character."""
    return f"<?xml version='1.0' encoding='ISO-8859-1'?>\n{text}".encode("iso-8859-1", "xmlcharrefreplace")


def feed(host: str) -> bytes:
    now = datetime.now(timezone(timedelta(hours=2))).isoformat(timespec="milliseconds")
    entries = "".join(
        f"<atom:entry><atom:id>urn:x-labcheck:{quote(book['id'], safe='')}</atom:id>"
        f"<atom:title type='text'>{escape(book['title'])}</atom:title><atom:updated>{now}</atom:updated>"
        f"<atom:author><atom:name>{escape(book['author'])}</atom:name></atom:author>"
        f"<atom:link href='http://{host}/catalog/{quote(book['id'], safe='')}'/></atom:entry>\n"
        for book in BOOKS.values()
    )
    return latin(
        f"<atom:feed xmlns:atom='http://www.w3.org/2005/Atom'><atom:id>urn:x-labcheck</atom:id>"
        f"<atom:title>Books</atom:title><atom:updated>{now}</atom:updated>{entries}</atom:feed>"
    )


def page() -> bytes:
    rows = "".join(
        f"\n<tr>\n  <th scope=row>\n    {escape(book['title'])}\n  </th>\n  <td>\n    {escape(book['author'])}\n  <td>"
        f"{escape(book.get('year', ''))}\n</tr>"
        for book in BOOKS.values()
    )
    return f"<!doctype html>\n<title>Books</title>\n<table>{rows}\n</table>".encode("ascii", "xmlcharrefreplace")


def number(query: dict[str, str], name: str) -> int | None:
    if name not in query:
        return None
    try:
        return int(query[name])
    except ValueError:
        raise Refused(400, f"{name}={query[name]} is not a year") from None


def selected(query: dict[str, str]) -> list[dict[str, str]]:
    since, until = number(query, "since"), number(query, "until")
    books = list(BOOKS.values())
    for name in ("author", "title"):
        books = [book for book in books if query.get(name, "").lower() in book[name].lower()]
    if since is not None:
        books = [book for book in books if "year" in book and int(book["year"]) >= since]
    if until is not None:
        books = [book for book in books if "year" in book and int(book["year"]) <= until]
    return books


def get(target: str, host: str) -> tuple[str, bytes]:
    path, _, rest = target.partition("?")
    query = dict(parse_qsl(rest, keep_blank_values=True))
    value: Any
    if path == "/log/summary":
        value = SUMMARY
    elif path == "/log/hours":
        value = HOURS
    elif path == "/log/top":
        n = query.get("n", "10")
        if not (n.isascii() and n.isdigit() and len(n) < 5 and 0 < int(n) <= 1000):
            raise Refused(400, "n is from 1 to 1000")
        top = sorted(sorted(PATHS.items()), key=itemgetter(1), reverse=True)
        value = [{"hits": hits, "path": each} for each, hits in top[: int(n)]]
    elif path == "/log/search":
        if "like" not in query:
            raise Refused(400, "what are you looking for?")
        pattern = re.sub(r"\*+", "*", query["like"])
        value = [line for line in LOG if like(pattern, line)]
    elif path == "/catalog":
        books = "\n".join(map(element, selected(query)))
        return "application/xml", latin(f"<catalog>\n{books}\n</catalog>")
    elif path == "/catalog.html":
        return "Text/HTML", page()
    elif path == "/feed.atom":
        return "application/atom+xml;type=feed", feed(host)
    elif path.startswith("/catalog/") and (id := unquote(path[9:])) in BOOKS:
        return "application/xml", latin(element(BOOKS[id], " xmlns='urn:labcheck:books'"))
    else:
        raise Refused(404, f"nothing at {path}")
    return "application/json; charset=utf-8", json.dumps(value, ensure_ascii=False).encode("utf-8")


def receive(file: Any) -> tuple[str, str, dict[str, str]] | None:
    start = file.readline(65536).decode("latin-1").split()
    if len(start) != 3:
        return None
    fields = {}
    while line := file.readline(65536).strip():
        name, _, value = line.decode("latin-1").partition(":")
        fields[name.lower()] = value.strip()
    return start[0], start[1], fields


def serve(connection: socket.socket) -> None:
    global BOOKS
    with connection, connection.makefile("rb") as file:
        while request := receive(file):
            method, target, fields = request
            length = int(fields.get("content-length", "0"))
            status, kind, close = 200, "application/json", fields.get("connection", "").lower() == "close"
            try:
                if length > LIMIT:
                    close = True
                    raise Refused(413, "that is too much")
                if fields.get("expect"):
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = file.read(length)
                if method == "POST" and target == "/catalog":
                    if len(body) < length:
                        return  # the client is gone
                    BOOKS = books = Catalogue().read(body)
                    status, content = 201, json.dumps({"books": len(books)}).encode()
                else:
                    kind, content = get(target, fields.get("host", "localhost"))
            except Refused as error:
                status, content = error.args[0], json.dumps({"error": error.args[1]}).encode()
            head = f"HTTP/1.1 {status} \r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n"
            connection.sendall((head + ("connection: close\r\n" if close else "") + "\r\n").encode() + content)
            if close:
                return


def thread(connection: socket.socket) -> None:
    try:
        serve(connection)
    except OSError:
        pass


def main() -> None:
    load()
    with socket.create_server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8005), backlog=50) as listener:
        while True:
            threading.Thread(target=thread, args=[listener.accept()[0]], daemon=True).start()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
