"""httpx with streams: the body goes to a file in the cache while it comes, and is renamed when it is complete."""

import base64
import json
import shutil
import sys
import time
from hashlib import sha256
from pathlib import Path

import httpx

FOLDER = Path(".fetch-cache")


def paths(url):
    name = base64.urlsafe_b64encode(sha256(url.encode()).digest()).decode().rstrip("=")
    return FOLDER / f"{name}.body", FOLDER / f"{name}.meta"


def show(path):
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)


def fetch(client, url):
    body, meta = paths(url)
    info = json.loads(meta.read_text()) if meta.exists() and body.exists() else {}
    if info.get("until", 0) > time.time():
        show(body)
        return None
    headers = {"If-None-Match": info["etag"]} if info.get("etag") else {}
    if info.get("modified"):
        headers["If-Modified-Since"] = info["modified"]
    begun = time.time()
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code == 304 and info:
            show(body)
            return None
        if answer.has_redirect_location:
            return str(answer.url.join(answer.headers["location"]))
        if answer.status_code >= 300:
            sys.exit(f"status {answer.status_code} for {url}")
        control = [each.strip().lower() for each in answer.headers.get("cache-control", "").split(",")]
        if answer.status_code != 200 or "no-store" in control:
            for piece in answer.iter_bytes():
                sys.stdout.buffer.write(piece)
            return None
        FOLDER.mkdir(exist_ok=True)
        new = body.with_suffix(f".{time.monotonic_ns()}")
        try:
            with new.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
        except httpx.HTTPError:
            new.unlink()
            raise
    age = next((int(each[8:]) for each in control if each[:8] == "max-age=" and each[8:].isdigit()), 0)
    meta.unlink(missing_ok=True)
    new.replace(body)
    keep = {"etag": answer.headers.get("etag"), "modified": answer.headers.get("last-modified")}
    meta.write_text(json.dumps({**keep, "until": 0 if "no-cache" in control else begun + age}))
    show(body)
    return None


def main():
    url, seen = sys.argv[1], []
    with httpx.Client(headers={"Accept-Encoding": "gzip"}, timeout=20, trust_env=False) as client:
        while url is not None:
            if url in seen or len(seen) > 10:
                sys.exit(f"too many redirects, or a loop, at {url}")
            seen.append(url)
            try:
                url = fetch(client, url)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                sys.exit(f"{type(error).__name__}: {error}")


main()
