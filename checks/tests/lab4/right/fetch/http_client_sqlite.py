"""http.client, and a database as the cache; follows redirects by recursion."""

import http.client
import os
import re
import sqlite3
import sys
import time
import urllib.parse
import zlib


class Problem(Exception):
    pass


def database():
    os.makedirs(".fetch-cache", exist_ok=True)
    db = sqlite3.connect(".fetch-cache/pages.db", timeout=30)
    db.execute("create table if not exists pages (url primary key, etag, date, until real, body blob)")
    return db


def ask(url, headers):
    parts = urllib.parse.urlparse(url)
    match parts.scheme:
        case "http":
            connection = http.client.HTTPConnection(parts.netloc, timeout=15)
        case "https":
            connection = http.client.HTTPSConnection(parts.netloc, timeout=15)
        case other:
            raise Problem(f"{other or 'this'} is not fetched")
    path = urllib.parse.urlunparse(("", "", parts.path or "/", parts.params, parts.query, ""))
    connection.request("GET", path, headers={"Accept-Encoding": "gzip", "Connection": "close"} | headers)
    answer = connection.getresponse()
    pieces = []
    unpack = zlib.decompressobj(31) if answer.headers.get("Content-Encoding", "").lower() == "gzip" else None
    while piece := answer.read(4096):
        pieces.append(unpack.decompress(piece) if unpack else piece)
    if answer.length:
        raise Problem(f"{answer.length} bytes are missing")
    if unpack and pieces and not unpack.eof:
        raise Problem("the packed body is not complete")
    return answer, b"".join(pieces)


def fetch(url, left=10, seen=()):
    if url in seen:
        raise Problem("a redirect leads in a circle")
    with database() as db:
        row = db.execute("select etag, date, until, body from pages where url = ?", (url,)).fetchone()
    if row and row[2] > time.time():
        return row[3]
    headers = {}
    if row and row[0]:
        headers["If-None-Match"] = row[0]
    elif row and row[1]:
        headers["If-Modified-Since"] = row[1]
    now = time.time()
    answer, body = ask(url, headers)
    if answer.status == 304 and row:
        return row[3]
    if answer.status in {301, 302, 303, 307, 308}:
        if not left:
            raise Problem("too many redirects")
        return fetch(urllib.parse.urljoin(url, answer.headers["Location"]), left - 1, (*seen, url))
    if answer.status // 100 != 2:
        raise Problem(f"the server said {answer.status}")
    control = answer.headers.get("Cache-Control", "").lower()
    if answer.status == 200 and not re.search(r"\bno-store\b", control):
        age = re.search(r"(?<![\w-])max-age=(\d+)", control)
        until = now + int(age[1]) if age and not re.search(r"\bno-cache\b", control) else 0
        with database() as db:
            values = (url, answer.headers.get("ETag"), answer.headers.get("Last-Modified"), until, body)
            db.execute("insert or replace into pages values (?, ?, ?, ?, ?)", values)
    return body


if __name__ == "__main__":
    try:
        result = fetch(sys.argv[1])
    except (Problem, OSError, http.client.HTTPException, zlib.error, ValueError) as problem:
        print(f"fetch: {problem} ({type(problem).__name__})", file=sys.stderr)
        sys.exit(1)
    sys.stdout.buffer.write(result)
    sys.stdout.flush()
