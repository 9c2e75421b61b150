"""Raw sockets on ::1 only, a thread for each client; bodies end with the connection, and come in two writes."""

import gzip
import json
import re
import socket
import sys
import threading
import time
from email.utils import formatdate
from pathlib import Path
from urllib.parse import unquote

NAMES = {200: "OK", 201: "Created", 204: "No Content", 302: "Found", 304: "Not Modified", 308: "Permanent Redirect"}
lock = threading.Lock()


class Store:
    def __init__(self, books):
        self.rows = {book["id"]: book for book in books}
        self.last = max(self.rows)
        self.version = 0
        self.versions = dict.fromkeys(self.rows, 0)
        self.dates = {id: time.time() for id in (None, *self.rows)}

    def change(self, id, book):
        self.version += 1
        self.dates[None] = self.dates[id] = time.time()
        if book is None:
            del self.rows[id]
        else:
            self.rows[id] = {"id": id, "title": book["title"], "author": book["author"], "year": book["year"]}
            self.versions[id] = self.version
        return self.rows.get(id)


store = Store(json.loads(Path(__file__).with_name("books.json").read_text("utf-8")))


def quoted(value):
    """Return the tags of a list, those marked weak with their mark."""
    found, rest = [], value
    while match := re.match(r'[\s,]*((?:W/)?"[^"]*"|\*)', rest):
        found.append(match[1])
        rest = rest[match.end() :]
    return found


def page(key, value, fields, wanted):
    body = json.dumps(value, ensure_ascii=False).encode()
    version = store.version if key is None else store.versions[key]
    packed = len(body) > 1024 and wanted
    tag = f'"{"list" if key is None else key}.{version}{".gz" if packed else ""}"'
    seconds = int(store.dates[key])
    head = {"ETag": tag, "Last-Modified": formatdate(seconds, usegmt=True), "Cache-Control": "no-cache, private"}
    if len(body) > 1024:
        head["Vary"] = "Accept-Encoding, Origin"
    if "if-none-match" in fields:
        known = [each.removeprefix("W/") for each in quoted(fields["if-none-match"])]
        if tag in known or "*" in known:
            return 304, head, b""
    elif fields.get("if-modified-since") == head["Last-Modified"]:
        return 304, head, b""
    if packed:
        head["Content-Encoding"] = "gzip"
        body = gzip.compress(body, 1, mtime=0)
    return 200, {**head, "Content-Type": "application/json"}, body


def error(code, text="no", **more):
    return code, {"Content-Type": "application/json", **more}, json.dumps({"error": text}).encode()


def is_book(value):
    return (
        isinstance(value, dict)
        and value.keys() == {"title", "author", "year"}
        and all(isinstance(value[name], str) and value[name] for name in ("title", "author"))
        and isinstance(value["year"], int)
        and value["year"] is not True
        and value["year"] is not False
    )


def answer(method, target, fields, body):
    path, mark, query = target.partition("?")
    codings = dict(
        (part.strip().lower().split(";", 1) + [""])[:2] for part in fields.get("accept-encoding", "").split(",")
    )
    wanted = "gzip" in codings and not re.fullmatch(r"\s*q=0(\.0*)?", codings["gzip"])
    reads = method in ("GET", "HEAD")
    match = re.fullmatch(r"/(books|book)/([0-9]+)", path)
    if path == "/books" and reads:
        return page(None, [store.rows[id] for id in sorted(store.rows)], fields, wanted)
    if path == "/books" and method != "POST":
        return error(405, Allow="GET, HEAD, POST")
    if path == "/books/" and method == "POST":
        return 308, {"Location": "/books"}, b""
    if path == "/latest" and reads:
        return 302, {"Location": f"/books/{max(store.rows)}", "Cache-Control": "no-store"}, b""
    if path == "/go" and reads:
        to = [unquote(each[3:]) for each in query.split("&") if each.startswith("to=")]
        if to and to[0].startswith("/books") and to[0].isprintable():
            return 302, {"Location": to[0]}, b""
        return error(400)
    if match and match[1] == "book" and reads:
        return 308, {"Location": f"/books/{match[2]}{mark}{query}"}, b""
    if path != "/books" and not (match and match[1] == "books"):
        return error(404)
    if path != "/books":
        id = int(match[2])
        if method == "POST":
            return error(405, Allow="GET, HEAD, PUT, DELETE, OPTIONS")
        if id not in store.rows:
            return error(404)
        if reads:
            return page(id, store.rows[id], fields, wanted)
        known = quoted(fields.get("if-match", "*"))
        if f'"{id}.{store.versions[id]}"' not in known and "*" not in known:
            return error(412)
        if method == "DELETE":
            store.change(id, None)
            return 204, {}, b""
    if fields.get("content-type", "").lower().replace(" ", "").split(";")[0] != "application/json":
        return error(415)
    try:
        book = json.loads(body.decode())
    except ValueError:
        return error(400)
    if not is_book(book):
        return error(400)
    if method == "PUT":
        return 200, {"Content-Type": "application/json"}, json.dumps(store.change(id, book)).encode()
    store.last += 1
    book = store.change(store.last, book)
    where = {"Location": f"http://{fields['host']}/books/{store.last}", "Content-Type": "application/json"}
    return 201, where, json.dumps(book).encode()


def serve(client):
    with client, client.makefile("rb") as reader:
        try:
            method, target, _ = reader.readline().decode("latin-1").split()
        except ValueError:
            return
        fields = {}
        while line := reader.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            fields[name.lower()] = value.strip()
        body = reader.read(int(fields.get("content-length", 0)))
        with lock:
            code, head, data = answer(method, target, fields, body)
        lines = [f"HTTP/1.1 {code} {NAMES.get(code, 'Error')}", *(f"{name}: {value}" for name, value in head.items())]
        try:
            client.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
            if method != "HEAD":
                time.sleep(0.002)
                client.sendall(data[:7])
                time.sleep(0.002)
                client.sendall(data[7:])
        except OSError:
            pass


listener = socket.create_server(("::1", int(sys.argv[1])), family=socket.AF_INET6, backlog=100)
while True:
    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
