"""Starlette on uvicorn: async handlers, one middleware that packs."""

import gzip
import json
import re
import sys
import time
from email.utils import formatdate, parsedate_to_datetime
from hashlib import blake2b
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

books = {}
changed = {}
start = time.time()


def problem(_, error):
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


def cached(request: Request, value, seconds: float) -> Response:
    plain = JSONResponse(value).body
    headers = {"Cache-Control": "no-cache", "Last-Modified": formatdate(int(seconds), usegmt=True), "ETag": ""}
    body = plain
    if len(plain) > 1024:
        headers["Vary"] = "Accept-Encoding"
        wanted = {}
        for item in request.headers.get("accept-encoding", "").lower().replace(" ", "").split(","):
            name, _, q = item.partition(";q=")
            wanted[name] = float(q or 1)
        if wanted.get("gzip"):
            body = gzip.compress(plain, mtime=0)
            headers["Content-Encoding"] = "gzip"
    headers["ETag"] = tag = f'"{blake2b(body, digest_size=10).hexdigest()}"'
    condition = request.headers.get("if-none-match")
    if condition is not None:
        old = condition.strip() == "*" or tag in re.findall(r'"[^"]*"', condition)
    else:
        try:
            old = parsedate_to_datetime(request.headers.get("if-modified-since", "")).timestamp() >= int(seconds)
        except ValueError:
            old = False
    if old:
        headers.pop("Content-Encoding", None)
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


async def parsed(request: Request):
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "application/json only")
    try:
        book = json.loads(await request.body())
    except ValueError:
        raise HTTPException(400, "that is not JSON") from None
    match book:
        case {"title": str(title), "author": str(author), "year": int(year), **rest} if (
            title and author and not rest and year is not True and year is not False
        ):
            return {"title": title, "author": author, "year": year}
    raise HTTPException(400, "that is not a book")


def the(request: Request) -> int:
    id = int(request.path_params["id"])
    if id not in books:
        raise HTTPException(404, f"no book {id}")
    return id


def check(request: Request, id: int) -> None:
    condition = request.headers.get("if-match")
    if condition is None or condition.strip() == "*":
        return
    tag = f'"{blake2b(JSONResponse(books[id]).body, digest_size=10).hexdigest()}"'
    if tag not in [each.strip() for each in condition.split(",")]:
        raise HTTPException(412, "it has changed")


def put(id, book):
    books[id] = {**book, "id": id}
    changed[id] = changed["all"] = time.time()
    return books[id]


async def all_books(request: Request) -> Response:
    if request.method == "POST":
        book = await parsed(request)
        changed["last"] += 1
        id = changed["last"]
        return JSONResponse(put(id, book), 201, headers={"Location": str(request.url_for("one", id=id))})
    return cached(request, sorted(books.values(), key=lambda book: book["id"]), changed["all"])


async def one_book(request: Request) -> Response:
    id = the(request)
    if request.method in ("GET", "HEAD"):
        return cached(request, books[id], changed[id])
    book = await parsed(request) if request.method == "PUT" else None
    check(request, id)
    if book:
        return JSONResponse(put(id, book))
    del books[id]
    changed["all"] = time.time()
    return Response(status_code=204)


async def slash(_: Request) -> Response:
    return RedirectResponse("/books", 308)


async def moved(request: Request) -> Response:
    return RedirectResponse(request.url.replace(path=f"/books/{request.path_params['id']}"), 308)


async def latest(_: Request) -> Response:
    return RedirectResponse(f"/books/{max(books)}", 302, headers={"Cache-Control": "no-store"})


async def go(request: Request) -> Response:
    to = request.query_params.get("to", "")
    if re.match(r"/(?![/\\])[^\x00-\x20\\]*\Z", to) is None:
        raise HTTPException(400, "no such place")
    return RedirectResponse(to, 302)


for each in json.loads((Path(__file__).parent / "books.json").read_bytes()):
    books[each["id"]] = each
    changed[each["id"]] = start
changed |= {"all": start, "last": max(books)}
routes = [
    Route("/books", all_books, methods=["GET", "POST"]),
    Route("/books/", slash, methods=["POST"]),
    Route("/books/{id:int}", one_book, methods=["GET", "PUT", "DELETE"], name="one"),
    Route("/book/{id:int}", moved),
    Route("/latest", latest),
    Route("/go", go),
]
app = Starlette(routes=routes, exception_handlers={HTTPException: problem})
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
