"""aiohttp: its own ETag and Last-Modified properties, a middleware for errors."""

import asyncio
import gzip
import json
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import ETag, web

routes = web.RouteTableDef()
books, touched, counter = {}, {}, [0]


def now():
    return datetime.now(UTC).replace(microsecond=0)


@web.middleware
async def errors(request, handler):
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status >= 400:
            extra = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
            return web.json_response({"error": error.reason}, status=error.status, headers=extra)
        raise


def serve(request, value, moment):
    data = json.dumps(value).encode()
    response = web.Response(body=data, content_type="application/json")
    tag = f"{zlib.crc32(data):08x}{len(data):x}{data[-40:].hex()[:24]}{abs(hash(data)):x}"
    if len(data) > 1024:
        response.headers["Vary"] = "Accept-Encoding"
        for item in request.headers.get("Accept-Encoding", "").split(","):
            name, _, weight = item.strip().lower().partition(";")
            if name.strip() == "gzip" and float(weight.strip().removeprefix("q=") or 1) > 0:
                response.body = gzip.compress(data, mtime=1)
                response.headers["Content-Encoding"] = "gzip"
                tag += ".gz"
    known = request.if_none_match
    if known is not None:
        same = any(
            each.value in (tag, "*") and (each.value == tag or request.headers["If-None-Match"].strip() == "*")
            for each in known
        )
    else:
        since = request.if_modified_since
        same = since is not None and moment <= since
    if same:
        response = web.Response(status=304)
    response.etag = ETag(tag)
    response.last_modified = moment
    response.headers["Cache-Control"] = "no-cache"
    return response


async def incoming(request):
    if request.content_type != "application/json" or "Content-Type" not in request.headers:
        raise web.HTTPUnsupportedMediaType
    try:
        book = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(reason="not JSON") from None
    if not isinstance(book, dict) or book.keys() ^ {"title", "author", "year"}:
        raise web.HTTPBadRequest(reason="wrong members")
    if not all(isinstance(book[key], str) and len(book[key]) for key in ("title", "author")):
        raise web.HTTPBadRequest(reason="wrong text")
    if book["year"].__class__ is not int:
        raise web.HTTPBadRequest(reason="wrong year")
    return book


def number(request):
    id = int(request.match_info["id"])
    if id not in books:
        raise web.HTTPNotFound
    return id


def precondition(request, id):
    if "If-Match" not in request.headers or request.headers["If-Match"].strip() == "*":
        return
    data = json.dumps(books[id]).encode()
    tag = f"{zlib.crc32(data):08x}{len(data):x}{data[-40:].hex()[:24]}{abs(hash(data)):x}"
    if not any(each.value == tag and not each.is_weak for each in request.if_match or ()):
        raise web.HTTPPreconditionFailed


@routes.get("/books")
async def read_all(request):
    return serve(request, [books[id] for id in sorted(books)], touched[0])


@routes.post("/books")
async def create(request):
    book = await incoming(request)
    counter[0] += 1
    id = counter[0]
    books[id] = {"id": id, **book}
    touched[id] = touched[0] = now()
    await asyncio.sleep(0)
    return web.json_response(books[id], status=201, headers={"Location": f"http://{request.host}/books/{id}"})


@routes.get(r"/books/{id:\d+}")
async def read(request):
    id = number(request)
    return serve(request, books[id], touched[id])


@routes.put(r"/books/{id:\d+}")
async def write(request):
    id = number(request)
    book = await incoming(request)
    precondition(request, id)
    books[id] = {"id": id, **book}
    touched[id] = touched[0] = now()
    return web.json_response(books[id])


@routes.delete(r"/books/{id:\d+}")
async def erase(request):
    id = number(request)
    precondition(request, id)
    del books[id]
    touched[0] = now()
    return web.Response(status=204)


@routes.post("/books/")
async def slash(_):
    raise web.HTTPPermanentRedirect("/books")


@routes.get(r"/book/{id:\d+}")
async def old(request):
    raise web.HTTPMovedPermanently(request.rel_url.with_path(f"/books/{request.match_info['id']}", keep_query=True))


@routes.get("/latest")
async def latest(_):
    raise web.HTTPSeeOther(f"/books/{max(books)}", headers={"Cache-Control": "no-store"})


@routes.get("/go")
async def go(request):
    to = request.query.get("to", "")
    if to[:1] != "/" or to[1:2] in {"/", "\\"} or "\\" in to or not to.isprintable() or " " in to:
        raise web.HTTPBadRequest(reason="no")
    raise web.HTTPFound(to)


for each in json.loads(Path(__file__).with_name("books.json").read_text("utf-8")):
    books[each["id"]] = each
    touched[each["id"]] = now()
touched[0] = now()
counter[0] = max(books)
app = web.Application(middlewares=[errors])
app.add_routes(routes)
web.run_app(app, host="localhost", port=int(sys.argv[1]), print=None)
