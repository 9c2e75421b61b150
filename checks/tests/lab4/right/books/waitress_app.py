"""A WSGI application on waitress, with a decorator for routes and a snapshot of each answer's bytes."""

import gzip
import hashlib
import json
import re
import sys
import threading
import time
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qs

import waitress

LOCK = threading.Lock()
ROUTES = []


class Abort(Exception):
    def __init__(self, status, text, *headers):
        self.answer = status, [*headers], {"error": text}


def route(pattern, **methods):
    ROUTES.append((re.compile(pattern), methods))


class Snapshot:
    """The bytes of an answer, both kinds, with their tags and their date."""

    def __init__(self, value):
        self.plain = json.dumps(value).encode()
        self.packed = gzip.compress(self.plain, mtime=0) if len(self.plain) > 1024 else None
        self.seconds = int(time.time())

    def tag(self, data):
        return f'"{hashlib.sha256(data).hexdigest()[:16]}"'


BOOKS = {each["id"]: each for each in json.loads(Path(__file__).with_name("books.json").read_text("utf-8"))}
SNAPSHOTS = {id: Snapshot(book) for id, book in BOOKS.items()}
ALL = [Snapshot([BOOKS[id] for id in sorted(BOOKS)])]
NEXT = [max(BOOKS) + 1]


def renew(id):
    if id in BOOKS:
        SNAPSHOTS[id] = Snapshot(BOOKS[id])
    ALL[0] = Snapshot([BOOKS[each] for each in sorted(BOOKS)])


def qualities(value):
    for item in value.split(","):
        name, *parameters = item.split(";")
        q = [float(each.strip()[2:]) for each in parameters if each.strip().lower().startswith("q=")]
        yield name.strip().lower(), q[0] if q else 1.0


def serve(environ, snapshot):
    data, coding = snapshot.plain, None
    if snapshot.packed and dict(qualities(environ.get("HTTP_ACCEPT_ENCODING", ""))).get("gzip", 0) > 0:
        data, coding = snapshot.packed, "gzip"
    tag = snapshot.tag(data)
    headers = [
        ("ETag", tag),
        ("Last-Modified", formatdate(snapshot.seconds, usegmt=True)),
        ("Cache-Control", "no-cache"),
    ]
    if snapshot.packed:
        headers.append(("Vary", "Accept-Encoding"))
    if (match := environ.get("HTTP_IF_NONE_MATCH")) is not None:
        same = match == "*" or any(each.strip() in (tag, f"W/{tag}") for each in match.split(","))
    else:
        try:
            same = parsedate_to_datetime(environ.get("HTTP_IF_MODIFIED_SINCE", "")).timestamp() >= snapshot.seconds
        except ValueError:
            same = False
    if same:
        return "304 Not Modified", headers, None
    if coding:
        headers.append(("Content-Encoding", coding))
    return "200 OK", headers, data


def known(id):
    if int(id) not in BOOKS:
        raise Abort("404 Not Found", "no such book")
    return int(id)


def body_of(environ):
    if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != "application/json":
        raise Abort("415 Unsupported Media Type", "JSON only")
    try:
        book = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        title, author, year = book.pop("title"), book.pop("author"), book.pop("year")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise Abort("400 Bad Request", "no book") from None
    right = type(title) is str and type(author) is str and type(year) is int
    if book or not right or not title or not author:
        raise Abort("400 Bad Request", "no book")
    return {"title": title, "author": author, "year": year}


def expect(environ, id):
    match = environ.get("HTTP_IF_MATCH", "*")
    if match != "*" and SNAPSHOTS[id].tag(SNAPSHOTS[id].plain) not in [each.strip() for each in match.split(",")]:
        raise Abort("412 Precondition Failed", "not any more")


def create(environ):
    book = body_of(environ)
    id, NEXT[0] = NEXT[0], NEXT[0] + 1
    BOOKS[id] = {"id": id, **book}
    renew(id)
    return "201 Created", [("Location", f"/books/{id}")], BOOKS[id]


def change(environ, id):
    id = known(id)
    book = body_of(environ)
    expect(environ, id)
    BOOKS[id] = {"id": id, **book}
    renew(id)
    return "200 OK", [], BOOKS[id]


def delete(environ, id):
    id = known(id)
    expect(environ, id)
    del BOOKS[id]
    renew(id)
    return "204 No Content", [], None


def old(environ, id):
    query = environ.get("QUERY_STRING")
    return "301 Moved Permanently", [("Location", f"/books/{int(id)}" + f"?{query}" * bool(query))], None


def go(environ):
    to = parse_qs(environ.get("QUERY_STRING", "")).get("to", [""])[0]
    if not re.fullmatch(r"/|/[\w.~-][\w./~?=&%-]*", to, re.ASCII):
        raise Abort("400 Bad Request", "stay here")
    return "302 Found", [("Location", to)], None


route("/books", GET=lambda environ: serve(environ, ALL[0]), POST=create)
route("/books/", POST=lambda _: ("308 Permanent Redirect", [("Location", "/books")], None))
route(r"/books/(\d+)", GET=lambda environ, id: serve(environ, SNAPSHOTS[known(id)]), PUT=change, DELETE=delete)
route(r"/book/(\d+)", GET=old)
route(
    "/latest",
    GET=lambda _: (
        "307 Temporary Redirect",
        [("Location", f"/books/{max(BOOKS)}"), ("Cache-Control", "no-store")],
        None,
    ),
)
route("/go", GET=go)


def app(environ, start_response):
    method = environ["REQUEST_METHOD"]
    try:
        for pattern, methods in ROUTES:
            if match := pattern.fullmatch(environ["PATH_INFO"]):
                function = methods.get("GET" if method == "HEAD" else method)
                if function is None:
                    allowed = ", ".join([*methods, *["HEAD"] * ("GET" in methods)])
                    raise Abort("405 Method Not Allowed", "not here", ("Allow", allowed))
                with LOCK:
                    status, headers, value = function(environ, *match.groups())
                break
        else:
            raise Abort("404 Not Found", "not here")
    except Abort as abort:
        status, headers, value = abort.answer
    data = b"" if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
    if value is not None:
        headers.append(("Content-Type", "application/json"))
    if status[:3] not in ("204", "304"):
        headers.append(("Content-Length", str(len(data))))
    start_response(status, headers)
    return [] if method == "HEAD" else [data]


waitress.serve(app, listen=f"127.0.0.1:{sys.argv[1]}", threads=8, _quiet=True)
