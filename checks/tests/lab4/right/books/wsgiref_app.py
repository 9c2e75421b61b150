"""wsgiref: one client after the other, a backlog of 5, HTTP/1.0, tags by a counter, pretty JSON with escapes."""

import itertools
import json
import os
import re
import sys
import time
import zlib
from email.utils import formatdate, mktime_tz, parsedate_tz
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "books.json"), "rb") as f:
    DATA = {b["id"]: b for b in json.load(f)}
ids = itertools.count(max(DATA) + 1)
counter = itertools.count(1)
VERSION = {k: next(counter) for k in DATA}
WHEN = {k: int(time.time()) for k in DATA}
VERSION["all"], WHEN["all"] = 0, int(time.time())
ADDED = []
PHRASE = {
    200: "Fine",
    201: "Made",
    204: "Nothing",
    301: "Gone there",
    302: "Look",
    304: "Same",
    307: "Here",
    308: "There",
}


class Stop(Exception):
    pass


def stop(code, why, **h):
    raise Stop(code, {"error": why}, h)


def mark(key):
    VERSION[key] = next(counter)
    WHEN[key] = int(time.time())


def dump(value):
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode("ascii")


def wants(env):
    best = {}
    for piece in env.get("HTTP_ACCEPT_ENCODING", "").split(","):
        m = re.fullmatch(r"\s*([^\s;]+)\s*(?:;\s*q\s*=\s*([\d.]+)\s*)?", piece, re.I)
        if m:
            best[m[1].lower()] = float(m[2]) if m[2] else 1.0
    return best.get("gzip", 0) > best.get("identity", 0.0001)


def tokens(text):
    return [t.strip() for t in text.split(",")]


def view(env, key, value):
    data = dump(value)
    pack = False
    head = [("cache-control", "max-age=0, no-cache"), ("LAST-MODIFIED", formatdate(WHEN[key], usegmt=True))]
    if len(data) > 1024:
        head.append(("vary", "Origin,accept-encoding"))
        pack = wants(env)
    tag = f'"{"z" if pack else "p"}-{VERSION[key]}-{key}"'
    head.append(("etag", tag))
    inm = env.get("HTTP_IF_NONE_MATCH")
    if inm is not None:
        if inm.strip() == "*" or tag in [t.removeprefix("W/") for t in tokens(inm)]:
            return 304, head, b""
    elif (d := parsedate_tz(env.get("HTTP_IF_MODIFIED_SINCE", ""))) and mktime_tz(d) >= WHEN[key]:
        return 304, head, b""
    if pack:
        c = zlib.compressobj(9, zlib.DEFLATED, 31)
        data = c.compress(data) + c.flush()
        head.append(("content-encoding", "gzip"))
    return 200, [*head, ("content-type", "Application/JSON;charset=UTF-8")], data


def read(env):
    kind = env.get("CONTENT_TYPE", "").split(";")[0].strip().lower()
    raw = env["wsgi.input"].read(int(env.get("CONTENT_LENGTH") or "0"))
    try:
        book = json.loads(raw)
    except ValueError:
        stop(400, "no JSON")
    if kind != "application/json":
        stop(415, "JSON only")
    if not isinstance(book, dict):
        stop(400, "no object")
    for name, test in {"title": str, "author": str, "year": int}.items():
        if name not in book or type(book[name]) is not test or book[name] == "":
            stop(400, "bad " + name)
    if len(book) > 3:
        stop(400, "too much")
    return book


def guard(env, key):
    want = env.get("HTTP_IF_MATCH")
    if want and want.strip() != "*" and f'"p-{VERSION[key]}-{key}"' not in tokens(want):
        stop(412, "not that one")


def books(env, method):
    if method == "GET":
        return view(env, "all", [DATA[k] for k in sorted(DATA)])
    if method == "POST":
        book = read(env)
        key = next(ids)
        DATA[key] = book | {"id": key}
        ADDED.append(key)
        mark(key), mark("all")
        return (
            201,
            [("LOCATION", f"http://{env['HTTP_HOST']}/books/{key}"), ("content-type", "application/json")],
            dump(DATA[key]),
        )
    return stop(405, "no", Allow="POST , HEAD,GET")


def book(env, method, key):
    key = int(key)
    if method == "POST":
        stop(405, "no", Allow="put, HEAD, GET, DELETE, OPTIONS".upper())
    if key not in DATA:
        stop(404, "unknown")
    if method == "GET":
        return view(env, key, DATA[key])
    guard(env, key)
    if method == "DELETE":
        del DATA[key]
        if key in ADDED:
            ADDED.remove(key)
        mark("all")
        return 204, [], b""
    DATA[key] = read(env) | {"id": key}
    mark(key), mark("all")
    return 200, [("content-type", "application/json")], dump(DATA[key])


def slash(env, method):
    return 308, [("location", "http://" + env["HTTP_HOST"] + "/books")], b""


def old(env, method, key):
    if int(key) not in DATA:
        stop(404, "unknown")
    q = env.get("QUERY_STRING")
    return (
        301,
        [("location", "/books/" + key + ("?" + q if q else "")), ("content-type", "text/plain")],
        b"over there\n",
    )


def latest(env, method):
    return (
        307,
        [("location", f"/books/{ADDED[-1] if ADDED else min(DATA)}"), ("cache-control", "private,no-store")],
        b"",
    )


def go(env, method):
    to = dict(parse_qsl(env.get("QUERY_STRING", ""))).get("to", "")
    m = re.fullmatch(r"/books(/\d+)?|/latest", to)
    if not m or (m[1] and int(m[1][1:]) not in DATA):
        stop(400, "nowhere")
    return 302, [("location", to)], b""


TABLE = [
    (r"/books", books),
    (r"/books/(\d+)", book),
    (r"/books/", slash),
    (r"/book/(\d+)", old),
    (r"/latest", latest),
    (r"/go", go),
]


def app(env, start):
    method = env["REQUEST_METHOD"]
    try:
        for pattern, f in TABLE:
            if m := re.fullmatch(pattern, env["PATH_INFO"], re.A):
                code, head, data = f(env, "GET" if method == "HEAD" else method, *m.groups())
                break
        else:
            stop(404, "no page")
    except Stop as s:
        code, value, more = s.args
        head, data = [*more.items(), ("content-type", "application/json")], dump(value)
    if code not in (204, 304):
        head.append(("content-length", str(len(data))))
    start(f"{code} {PHRASE.get(code, 'No')}", head)
    return [] if method == "HEAD" else [data[:100], data[100:]]


class Quiet(WSGIRequestHandler):
    def log_message(self, *a):
        pass


class Big(WSGIServer):
    request_queue_size = 5


with make_server("127.0.0.1", int(sys.argv[1]), app, Big, Quiet) as s:
    s.serve_forever()
