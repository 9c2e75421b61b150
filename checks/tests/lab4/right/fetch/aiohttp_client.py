"""aiohttp; the whole cache is one JSON file, which is locked while it is changed."""

import asyncio
import base64
import contextlib
import gzip
import json
import os
import sys
import time
import zlib
from pathlib import Path

import aiohttp
from yarl import URL

PLACE = Path(".fetch-cache")
FILE = PLACE / "all.json"


@contextlib.contextmanager
def locked():
    import fcntl

    PLACE.mkdir(exist_ok=True)
    with open(PLACE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read():
    try:
        return json.loads(FILE.read_text())
    except (OSError, ValueError):
        return {}


def change(url, entry):
    with locked():
        entries = read()
        entries.pop(url, None)
        if entry:
            entries[url] = entry
        FILE.with_suffix(".new").write_text(json.dumps(entries))
        os.replace(FILE.with_suffix(".new"), FILE)


async def once(session, url):
    entry = read().get(url, {})
    if entry.get("until", 0) > time.time():
        return None, base64.b64decode(entry["body"])
    headers = {"Accept-Encoding": "gzip"}
    if entry.get("etag"):
        headers["If-None-Match"] = entry["etag"]
    elif entry.get("date"):
        headers["If-Modified-Since"] = entry["date"]
    now = time.time()
    async with session.get(URL(url, encoded=True), headers=headers, allow_redirects=False) as answer:
        if answer.status == 304 and entry:
            return None, base64.b64decode(entry["body"])
        body = await answer.read()
        if answer.status in (301, 302, 303, 307, 308):
            return str(URL(url).join(URL(answer.headers["Location"], encoded=True))), None
        if answer.status >= 300:
            sys.exit(f"{answer.status} {answer.reason}")
        if answer.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        control = dict(
            (each.strip().partition("=")[::2]) for each in answer.headers.get("Cache-Control", "").split(",")
        )
        if answer.status == 200 and "no-store" not in control:
            until = now + int(control.get("max-age", 0)) if "no-cache" not in control else 0
            text = base64.b64encode(body).decode()
            change(
                url,
                {
                    "body": text,
                    "until": until,
                    "etag": answer.headers.get("ETag"),
                    "date": answer.headers.get("Last-Modified"),
                },
            )
        return None, body


async def main(url):
    seen = set()
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        while url:
            if url in seen or len(seen) >= 11:
                sys.exit("too many redirects")
            seen.add(url)
            if URL(url).scheme not in ("http", "https"):
                sys.exit(f"{url}: no")
            url, body = await once(session, url)
    return body


try:
    data = asyncio.run(main(sys.argv[1]))
except (aiohttp.ClientError, OSError, EOFError, zlib.error, ValueError, TimeoutError) as error:
    sys.exit(f"fetch.py: {type(error).__name__}: {error}")
sys.stdout.buffer.write(data)
