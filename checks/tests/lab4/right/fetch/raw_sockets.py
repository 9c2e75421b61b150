"""Raw sockets and HTTP/1.1 by hand; the cache is a folder for each URL."""

import gzip
import hashlib
import os
import shutil
import socket
import sys
import time
import zlib
from urllib.parse import urljoin, urlsplit


class Failed(Exception):
    pass


def read_line(stream):
    line = stream.readline(65537)
    if not line.endswith(b"\n"):
        raise Failed("the connection ended early")
    return line.strip()


def read_exactly(stream, size):
    data = stream.read(size)
    if len(data) != size:
        raise Failed(f"only {len(data)} of {size} bytes came")
    return data


def exchange(url, extra):
    parts = urlsplit(url)
    if parts.scheme not in {"http"}:
        raise Failed("only http; this program has no TLS" if parts.scheme == "https" else "only http and https")
    with socket.create_connection((parts.hostname, parts.port or 80), 20) as sock:
        lines = [f"GET {parts.path or '/'}{'?' * bool(parts.query)}{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += ["Connection: close", "Accept-Encoding: gzip", *extra, "", ""]
        sock.sendall("\r\n".join(lines).encode())
        stream = sock.makefile("rb")
        first = read_line(stream).split(None, 2)
        if len(first) < 2 or not first[0].startswith(b"HTTP/") or not first[1].isdigit():
            raise Failed("that was no HTTP")
        status, fields = int(first[1]), {}
        while line := read_line(stream):
            name, _, value = line.decode("latin-1").partition(":")
            fields[name.lower()] = value.strip()
        if status in (204, 304):
            body = b""
        elif fields.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int(read_line(stream).split(b";")[0], 16):
                body += read_exactly(stream, size)
                read_line(stream)
        elif "content-length" in fields:
            body = read_exactly(stream, int(fields["content-length"]))
        else:
            body = stream.read()
    if fields.get("content-encoding", "").lower() == "gzip":
        body = gzip.decompress(body)
    return status, fields, body


def cached(url):
    place = os.path.join(".fetch-cache", hashlib.sha256(url.encode()).hexdigest())
    try:
        found = {name: open(os.path.join(place, name), "rb").read() for name in ("body", "etag", "date", "until")}
    except FileNotFoundError:
        return place, None
    return place, found


def get(url):
    place, known = cached(url)
    extra = []
    if known:
        if time.time() < float(known["until"]):
            return 200, {}, known["body"]
        if known["etag"]:
            extra = ["If-None-Match: " + known["etag"].decode("latin-1")]
        elif known["date"]:
            extra = ["If-Modified-Since: " + known["date"].decode("latin-1")]
    begun = time.time()
    status, fields, body = exchange(url, extra)
    if status == 304 and known:
        return 200, {}, known["body"]
    if status == 200:
        control = {}
        for part in fields.get("cache-control", "").lower().split(","):
            name, _, value = part.strip().partition("=")
            control[name] = value
        shutil.rmtree(place, ignore_errors=True)
        if "no-store" not in control:
            until = 0.0
            if control.get("max-age", "").isdigit() and "no-cache" not in control:
                until = begun + int(control["max-age"])
            os.makedirs(place + ".tmp", exist_ok=True)
            parts = {
                "body": body,
                "etag": fields.get("etag", "").encode("latin-1"),
                "date": fields.get("last-modified", "").encode(),
                "until": str(until).encode(),
            }
            for name, data in parts.items():
                with open(os.path.join(place + ".tmp", name), "wb") as file:
                    file.write(data)
            os.rename(place + ".tmp", place)
    return status, fields, body


def main():
    url = sys.argv[1]
    seen = {url}
    try:
        while True:
            status, fields, body = get(url)
            if status not in (301, 302, 303, 307, 308):
                break
            url = urljoin(url, fields["location"])
            if url in seen:
                raise Failed("going in circles")
            if len(seen) > 10:
                raise Failed("enough redirects")
            seen.add(url)
        if status >= 400:
            raise Failed(f"status {status}")
    except (Failed, OSError, EOFError, zlib.error, ValueError, KeyError, OverflowError) as error:
        sys.stderr.write(f"{sys.argv[1]}: {error or 'failed'}\n")
        sys.exit(1)
    os.write(1, b"")
    left = memoryview(body)
    while left:
        left = left[os.write(1, left) :]


main()
