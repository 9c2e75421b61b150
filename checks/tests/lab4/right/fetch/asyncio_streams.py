"""asyncio streams, HTTP/1.1 by hand with lower-case header names; sub-folders in the cache."""

import asyncio
import json
import os
import sys
import tempfile
import time
import zlib
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urljoin, urlsplit

ROOT = Path.cwd() / ".fetch-cache"


class Bad(Exception):
    pass


def folder(url):
    h = blake2b(url.encode(), digest_size=20).hexdigest()
    return ROOT / h[:2] / h[2:]


async def exchange(url, more):
    p = urlsplit(url)
    if p.scheme == "https":
        import ssl

        tls = ssl.create_default_context()
    elif p.scheme == "http":
        tls = None
    else:
        raise Bad(f"{p.scheme or '?'}: is not http")
    reader, writer = await asyncio.open_connection(p.hostname, p.port or (443 if tls else 80), ssl=tls)
    try:
        target = (p.path or "/") + (f"?{p.query}" if p.query else "")
        head = f"GET {target} HTTP/1.1\r\nhost: {p.netloc}\r\naccept: */*\r\n"
        head += f"accept-encoding: GZIP\r\nconnection: close\r\n{more}\r\n"
        writer.write(head.encode())
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, status, *_ = head[0].split(" ")
        if not version.startswith("HTTP/1."):
            raise Bad("no HTTP")
        fields = {}
        for line in head[1:]:
            k, colon, v = line.partition(":")
            if colon:
                k = k.lower()
                fields[k] = f"{fields[k]}, {v.strip()}" if k in fields else v.strip()
        status = int(status)
        if status == 304 or status == 204:
            body = b""
        elif "chunked" in fields.get("transfer-encoding", "").lower():
            body = b""
            while True:
                size = int((await reader.readuntil(b"\n")).split(b";")[0], 16)
                body += (await reader.readexactly(size + 2))[:-2]
                if not size:
                    break
        elif "content-length" in fields:
            body = await reader.readexactly(int(fields["content-length"]))
        else:
            body = await reader.read()
    finally:
        writer.close()
    if fields.get("content-encoding", "").lower() == "gzip" and body:
        d = zlib.decompressobj(wbits=47)
        body = d.decompress(body) + d.flush()
        if not d.eof:
            raise Bad("gzip ends early")
    return status, fields, body


def cc(fields):
    return {
        a.strip().lower(): b.strip().strip('"')
        for a, _, b in (x.partition("=") for x in fields.get("cache-control", "").split(","))
    }


async def main():
    url, trail = sys.argv[1].partition("#")[0], []
    for _ in range(11):
        if url in trail:
            raise Bad("circle: " + " > ".join(trail))
        trail.append(url)
        f = folder(url)
        try:
            meta = json.loads((f / "meta.json").read_text("utf-8"))
            kept = (f / meta["file"]).read_bytes()
        except FileNotFoundError:
            meta, kept = {}, None
        if meta.get("until", 0) > time.time():
            return kept
        more = ""
        if meta.get("etag"):
            more = f"if-none-match: {meta['etag']}\r\n"
        elif meta.get("date"):
            more = f"if-modified-since: {meta['date']}\r\n"
        sent = time.time()
        status, fields, body = await exchange(url, more)
        if status == 304 and kept is not None:
            return kept
        if status in {301, 302, 303, 307, 308}:
            url = urljoin(url, fields["location"]).partition("#")[0]
            continue
        if status >= 400:
            raise Bad(f"{url} answered {status}")
        rules = cc(fields)
        if status == 200 and "no-store" not in rules:
            f.mkdir(parents=True, exist_ok=True)
            fd, name = tempfile.mkstemp(dir=f, suffix=".body")
            with os.fdopen(fd, "wb") as file:
                file.write(body)
            new = {
                "file": os.path.basename(name),
                "etag": fields.get("etag"),
                "date": fields.get("last-modified"),
                "until": 0,
            }
            if rules.get("max-age", "").isdigit() and "no-cache" not in rules:
                new["until"] = sent + int(rules["max-age"])
            (f / "meta.tmp").write_text(json.dumps(new), "utf-8")
            (f / "meta.tmp").replace(f / "meta.json")
            if meta:
                (f / meta["file"]).unlink()
        return body
    raise Bad("more than 10 redirects")


try:
    result = asyncio.run(main())
except (Bad, OSError, EOFError, ValueError, KeyError, LookupError, zlib.error, asyncio.LimitOverrunError) as e:
    sys.exit(f"fetch.py failed: {type(e).__name__} {e}")
with open(sys.stdout.fileno(), "wb", closefd=False) as o:
    o.write(result)
