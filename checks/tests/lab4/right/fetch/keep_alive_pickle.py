"""One kept-alive connection per host, one pickle for everything."""

import gzip
import http.client
import os
import pickle
import sys
import time
import zlib
from urllib.parse import urljoin, urlsplit

FILE = os.path.join(".fetch-cache", "cache.pickle")
connections = {}


def cache():
    try:
        with open(FILE, "rb") as f:
            return pickle.load(f)
    except Exception:
        return {}


def save(d):
    os.makedirs(".fetch-cache", exist_ok=True)
    with open(FILE + "~", "wb") as f:
        pickle.dump(d, f)
    os.replace(FILE + "~", FILE)


def request(url, headers):
    p = urlsplit(url)
    if p.scheme not in ("http", "https") or not p.netloc:
        raise ValueError(f"can only do http(s), not {url!r}")
    key = p.scheme, p.netloc
    for again in (True, False):
        used = key in connections
        if not used:
            kind = http.client.HTTPSConnection if p.scheme == "https" else http.client.HTTPConnection
            connections[key] = kind(p.hostname, p.port, timeout=25)
        try:
            connections[key].request("GET", (p.path or "/") + ("?" + p.query if p.query else ""), headers=headers)
            r = connections[key].getresponse()
            break
        except (http.client.RemoteDisconnected, ConnectionError):
            connections.pop(key).close()
            if not used or not again:
                raise
    body = r.read()
    return r, body


def main(url):
    visited = []
    while True:
        if url in visited:
            raise RuntimeError("loop")
        if len(visited) == 11:
            raise RuntimeError("too many redirects")
        visited.append(url)
        c = cache()
        e = c.get(url)
        if e and e["expires"] > time.time():
            return e["body"]
        h = {"ACCEPT-ENCODING": "gzip,deflate;q=0.1", "user-agent": "x"}
        if e and e["etag"]:
            h["if-none-match"] = e["etag"]
        if e and e["lm"]:
            h["if-modified-since"] = e["lm"]
        t = time.time()
        r, body = request(url, h)
        if r.status == 304 and e:
            return e["body"]
        if r.status in (301, 302, 303, 307, 308):
            url = urljoin(url, r.getheader("location"))
            continue
        if r.status >= 400:
            raise RuntimeError(f"HTTP {r.status}")
        coding = (r.getheader("content-encoding") or "identity").lower()
        if coding in ("gzip", "x-gzip"):
            body = gzip.decompress(body)
        elif coding == "deflate":
            body = zlib.decompress(body)
        cc = [x.strip().lower() for x in ",".join(r.headers.get_all("cache-control") or []).split(",")]
        if r.status == 200:
            c.pop(url, None)
            if "no-store" not in cc:
                exp = 0
                for x in cc:
                    if x.startswith("max-age=") and not any(y.split("=")[0] == "no-cache" for y in cc):
                        exp = t + int(x[8:].strip('"'))
                c[url] = {"body": body, "expires": exp, "etag": r.getheader("etag"), "lm": r.getheader("last-modified")}
            save(c)
        return body


try:
    out = main(sys.argv[1])
except Exception as ex:
    print("fetch:", type(ex).__name__, ex, file=sys.stderr)
    sys.exit(1)
sys.stdout.buffer.write(out)
