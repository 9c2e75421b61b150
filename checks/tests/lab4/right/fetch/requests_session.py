"""requests, one pickle for each URL; its own redirects are switched off, so that each answer is looked at."""

import hashlib
import pathlib
import pickle
import sys
import time
from urllib.parse import urljoin

import requests

CACHE = pathlib.Path(".fetch-cache")


def from_cache(path):
    try:
        return pickle.loads(path.read_bytes())
    except (OSError, EOFError, pickle.UnpicklingError):
        return {}


def control_of(response):
    return {
        name.strip().lower(): value.strip()
        for name, _, value in (part.partition("=") for part in response.headers.get("Cache-Control", "").split(","))
    }


def load(session, url):
    if url.split(":")[0] not in ("http", "https"):
        raise SystemExit(f"{url}: not http")
    path = CACHE / (hashlib.sha1(url.encode()).hexdigest() + ".pickle")
    old = from_cache(path)
    if old and time.time() < old["fresh until"]:
        return None, old["body"]
    headers = {"Accept-Encoding": "gzip"}
    if old.get("ETag"):
        headers["If-None-Match"] = old["ETag"]
    elif old.get("Last-Modified"):
        headers["If-Modified-Since"] = old["Last-Modified"]
    sent = time.time()
    response = session.get(url, headers=headers, allow_redirects=False, timeout=20)
    if response.status_code == 304 and old:
        return None, old["body"]
    if response.is_redirect:
        return urljoin(url, response.headers["Location"]), None
    if response.status_code >= 300:
        raise SystemExit(f"{url}: HTTP status {response.status_code}")
    control = control_of(response)
    if response.status_code == 200:
        if "no-store" in control:
            path.unlink(missing_ok=True)
        else:
            keep = {"body": response.content, "fresh until": 0}
            keep |= {name: response.headers.get(name) for name in ("ETag", "Last-Modified")}
            if "max-age" in control and "no-cache" not in control:
                keep["fresh until"] = sent + int(control["max-age"])
            CACHE.mkdir(exist_ok=True)
            path.write_bytes(pickle.dumps(keep))
    return None, response.content


def main():
    url, visited = sys.argv[1], set()
    with requests.Session() as session:
        while url:
            if url in visited or len(visited) == 11:
                raise SystemExit("redirects without end")
            visited.add(url)
            try:
                url, body = load(session, url)
            except (requests.RequestException, OSError, ValueError) as error:
                raise SystemExit(f"cannot fetch {url}: {error}") from None
    sys.stdout.buffer.write(body)


main()
