"""Flask, with what it brings along: conditions, error handlers, redirects."""

import gzip
import hashlib
import json
import logging
import sys
import threading
import time
from pathlib import Path

from flask import Flask, Response, redirect, request
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, PreconditionFailed, UnsupportedMediaType
from werkzeug.http import http_date

app = Flask(__name__)
app.url_map.strict_slashes = True
app.json.ensure_ascii = False
logging.getLogger("werkzeug").setLevel(logging.ERROR)
lock = threading.RLock()
books = {book["id"]: book for book in json.loads(Path(__file__).with_name("books.json").read_text("utf-8"))}
times = dict.fromkeys(books, time.time())
newest = {"id": max(books), "time": time.time()}


@app.errorhandler(HTTPException)
def error(problem):
    response = problem.get_response()
    response.data = json.dumps({"error": problem.description or problem.name})
    response.content_type = "application/json"
    return response


def tag_of(text):
    return hashlib.md5(text).hexdigest()


def dump(value):
    return json.dumps(value, ensure_ascii=False).encode()


def shown(value, seconds):
    text = dump(value)
    response = Response(text, mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Last-Modified"] = http_date(int(seconds))
    tag = tag_of(text)
    if len(text) > 1024:
        response.vary.add("Accept-Encoding")
        if request.accept_encodings.quality("gzip") > 0 and "gzip" in request.headers["Accept-Encoding"].lower():
            response.data = gzip.compress(text, mtime=0)
            response.content_encoding = "gzip"
            tag += "-gzip"
    response.set_etag(tag)
    if "If-None-Match" in request.headers:
        # werkzeug takes "*" with quotation marks for a tag of that name, as it should
        match = request.if_none_match
        if match.star_tag or match.contains_weak(tag):
            response = Response(
                status=304,
                headers=[
                    (k, v)
                    for k, v in response.headers
                    if k not in ("Content-Length", "Content-Type", "Content-Encoding")
                ],
            )
    elif request.if_modified_since and request.if_modified_since.timestamp() >= int(seconds):
        response = Response(
            status=304,
            headers=[
                (k, v) for k, v in response.headers if k not in ("Content-Length", "Content-Type", "Content-Encoding")
            ],
        )
    return response


def sent():
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("only application/json")
    book = request.get_json()
    if not isinstance(book, dict) or set(book) != {"title", "author", "year"}:
        raise BadRequest("not a book")
    if not (isinstance(book["title"], str) and book["title"] and isinstance(book["author"], str) and book["author"]):
        raise BadRequest("not a book")
    if not isinstance(book["year"], int) or isinstance(book["year"], bool):
        raise BadRequest("no year")
    return book


def known(id):
    if id not in books:
        raise NotFound("no such book")
    return books[id]


def expect_match(id):
    if "If-Match" in request.headers and not request.if_match.star_tag:
        if tag_of(dump(books[id])) not in request.if_match.as_set():
            raise PreconditionFailed("changed")


def store(id, book):
    books[id] = {"id": id, **book}
    times[id] = newest["time"] = time.time()


@app.get("/books")
def index():
    with lock:
        return shown([books[id] for id in sorted(books)], newest["time"])


@app.post("/books")
def create():
    book = sent()
    with lock:
        newest["id"] = id = newest["id"] + 1
        store(id, book)
        return books[id], 201, {"Location": f"/books/{id}"}


@app.post("/books/")
def slash():
    return redirect("/books", 308)


@app.get("/books/<int:id>")
def show(id):
    with lock:
        return shown(known(id), times[id])


@app.put("/books/<int:id>")
def change(id):
    with lock:
        known(id)
        expect_match(id)
        store(id, sent())
        return books[id]


@app.delete("/books/<int:id>")
def remove(id):
    with lock:
        known(id)
        expect_match(id)
        del books[id]
        newest["time"] = time.time()
    return "", 204


@app.get("/book/<int:id>")
def old(id):
    query = request.query_string.decode()
    return redirect(f"/books/{id}" + (f"?{query}" if query else ""), 301)


@app.get("/latest")
def latest():
    response = redirect(f"/books/{max(books)}", 302)
    response.headers["Cache-Control"] = "no-store"
    return response


@app.get("/go")
def go():
    to = request.args.get("to", "")
    if not to.startswith("/") or to[1:2] in ("/", "\\") or any(ord(c) < 33 for c in to):
        raise BadRequest("not a path of this service")
    return redirect(to, 302)


app.run(port=int(sys.argv[1]), threaded=True)
