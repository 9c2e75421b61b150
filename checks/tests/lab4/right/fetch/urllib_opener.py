"""urllib.request with its own redirects switched off; two files for each URL, the body first."""

import gzip
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from http.client import HTTPException


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.OpenerDirector()
for handler in (
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
    Stay,
):
    opener.add_handler(handler())


def get(url):
    if not url.lower().startswith(("http://", "https://")):
        raise OSError("only http and https")
    base = os.path.join(".fetch-cache", hashlib.md5(url.encode()).hexdigest())
    known = None
    if os.path.exists(base + ".json"):
        with open(base + ".json", encoding="utf-8") as file:
            known = json.load(file)
    if known and time.time() < known["until"]:
        return 200, None, open(base + known["body"], "rb").read()
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip, identity;q=0.5", "User-Agent": "fetch"})
    if known and known.get("etag"):
        request.add_header("If-None-Match", known["etag"])
    if known and known.get("date"):
        request.add_header("If-Modified-Since", known["date"])
    try:
        answer = opener.open(request, timeout=20)
    except urllib.error.HTTPError as error:
        if error.code == 304 and known:
            return 200, None, open(base + known["body"], "rb").read()
        return error.code, error.headers.get("Location"), error.read()
    data = answer.read()
    if answer.headers.get("Content-Encoding") == "gzip":
        data = gzip.decompress(data)
    control = [each.strip().lower() for each in (answer.headers.get("Cache-Control") or "").split(",")]
    if answer.status == 200 and "no-store" not in control:
        until = 0
        for each in control:
            if each.startswith("max-age=") and "no-cache" not in control:
                until = time.time() + int(each[8:])
        os.makedirs(".fetch-cache", exist_ok=True)
        name = f".{time.time_ns()}"
        with open(base + name, "wb") as file:
            file.write(data)
        with open(base + ".new", "w", encoding="utf-8") as file:
            json.dump(
                {
                    "until": until,
                    "etag": answer.headers.get("ETag"),
                    "date": answer.headers.get("Last-Modified"),
                    "body": name,
                },
                file,
            )
        os.replace(base + ".new", base + ".json")
    return answer.status, None, data


def main(url):
    asked = []
    try:
        while True:
            asked.append(url)
            status, location, data = get(url)
            if status in (301, 302, 303, 307, 308) and location:
                url = urllib.parse.urljoin(url, location)
                if url in asked or len(asked) > 10:
                    return f"redirected too often: {url}"
                continue
            if status >= 300:
                return f"{url}: status {status}"
            sys.stdout.buffer.write(data)
            return 0
    except (OSError, HTTPException, EOFError, zlib.error, ValueError) as error:
        return f"failed: {error!r}"


sys.exit(main(sys.argv[1]))
