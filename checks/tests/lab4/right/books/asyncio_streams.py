"""asyncio streams by hand: HTTP/1.1 with keep-alive, bodies in chunks, written slowly; tags are random per version."""

import asyncio
import gzip
import json
import os
import re
import sys
import time
import uuid
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import parse_qsl

BOOKS = {}
META = {}
LAST = 0


def touch(*keys):
    for key in keys:
        META[key] = (uuid.uuid4().hex, int(time.time()))


def load():
    global LAST
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "books.json"), encoding="utf-8") as file:
        for book in sorted(json.load(file), key=lambda each: each["id"]):
            BOOKS[book["id"]] = book
            touch(book["id"])
    touch("all")
    LAST = max(BOOKS)


def gzip_wanted(value):
    found = None
    for item in value.split(","):
        name, *rest = [part.strip().lower() for part in item.split(";")]
        q = 1.0
        for part in rest:
            if part.startswith("q="):
                q = float(part[2:])
        if name == "gzip":
            found = q > 0
    return bool(found)


def tags(value):
    return re.findall(r'(?:W/)?"[^"]*"|\*', re.sub(r'"\*"', '""', value))


def error(status, text, **more):
    return status, {"Content-Type": "application/json", **more}, json.dumps({"error": text}).encode()


def valid(headers, body):
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return error(415, "send application/json")
    try:
        book = json.loads(body.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as problem:
        return error(400, str(problem))
    fits = (
        type(book) is dict
        and sorted(book) == ["author", "title", "year"]
        and all(type(book[name]) is str and book[name] != "" for name in ("author", "title"))
        and type(book["year"]) is int
    )
    return book if fits else error(400, "that is not a book")


def show(key, value, headers):
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    tag, when = META[key]
    large = len(data) > 1024
    packed = large and gzip_wanted(headers.get("accept-encoding", ""))
    tag = f'"{tag}+gzip"' if packed else f'"{tag}"'
    fields = {"etag": tag, "last-modified": formatdate(when, usegmt=True), "cache-control": "no-cache"}
    if large:
        fields["vary"] = "accept-encoding"
    if "if-none-match" in headers:
        given = tags(headers["if-none-match"])
        if "*" in given or tag in [each.removeprefix("W/") for each in given]:
            return 304, fields, None
    elif "if-modified-since" in headers:
        try:
            since = parsedate_to_datetime(headers["if-modified-since"]).timestamp()
        except ValueError:
            since = 0
        if since >= when:
            return 304, fields, None
    fields["content-type"] = "application/json"
    if packed:
        fields["content-encoding"] = "gzip"
        data = gzip.compress(data, mtime=0)
    return 200, fields, data


def respond(method, target, headers, body):
    global LAST
    path, _, query = target.partition("?")
    get = method in ("GET", "HEAD")
    if path == "/books":
        if get:
            return show("all", [BOOKS[id] for id in sorted(BOOKS)], headers)
        if method != "POST":
            return error(405, "no", Allow="GET, HEAD, POST")
        book = valid(headers, body)
        if isinstance(book, tuple):
            return book
        LAST += 1
        BOOKS[LAST] = {"id": LAST} | book
        touch(LAST, "all")
        return 201, {"Location": f"/books/{LAST}", "Content-Type": "application/json"}, json.dumps(BOOKS[LAST]).encode()
    if path == "/books/" and method == "POST":
        return 308, {"Location": "/books"}, b""
    if match := re.fullmatch(r"/books/(\d+)", path):
        id = int(match[1])
        if method == "POST":
            return error(405, "no", Allow="GET, HEAD, PUT, DELETE")
        if id not in BOOKS:
            return error(404, "no such book")
        if get:
            return show(id, BOOKS[id], headers)
        if "if-match" in headers:
            given = tags(headers["if-match"])
            if "*" not in given and f'"{META[id][0]}"' not in given:
                return error(412, "changed")
        if method == "DELETE":
            del BOOKS[id], META[id]
            touch("all")
            return 204, {}, None
        book = valid(headers, body)
        if isinstance(book, tuple):
            return book
        BOOKS[id] = {"id": id} | book
        touch(id, "all")
        return 200, {"Content-Type": "application/json"}, json.dumps(BOOKS[id]).encode()
    if match := re.fullmatch(r"/book/(\d+)", path):
        if int(match[1]) not in BOOKS:
            return error(404, "no such book")
        return 308, {"Location": f"/books/{match[1]}" + (f"?{query}" if query else "")}, b""
    if path == "/latest":
        return 307, {"Location": f"/books/{max(BOOKS)}", "Cache-Control": "no-store"}, b""
    if path == "/go":
        target = dict(parse_qsl(query)).get("to", "")
        if not re.fullmatch(r"/books(/\d+)?", target):
            return error(400, "where to?")
        return 302, {"Location": target}, b""
    return error(404, "no such page")


async def talk(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *rest = head.strip().split("\r\n")
            method, target, version = line.split(" ")
            headers = {}
            for each in rest:
                name, _, value = each.partition(":")
                headers[name.lower()] = value.strip()
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            status, fields, data = respond(method, target, headers, body)
            writer.write(f"HTTP/1.1 {status} Something\r\n".encode())
            for name, value in fields.items():
                writer.write(f"{name}: {value}\r\n".encode())
            if data is None:
                writer.write(b"\r\n")
            else:
                writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
                if method != "HEAD":
                    for start in range(0, len(data), 1000):
                        piece = data[start : start + 1000]
                        writer.write(b"%x\r\n" % len(piece))
                        await writer.drain()
                        await asyncio.sleep(0.001)
                        writer.write(piece + b"\r\n")
                    writer.write(b"0\r\n\r\n")
            await writer.drain()
            if headers.get("connection", "").lower() == "close":
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    load()
    server = await asyncio.start_server(talk, "localhost", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
