"""A client that prints what is at a URL, and asks for it again only if it has to.

Usage: python fetch.py URL
"""

import gzip
import hashlib
import json
import sys
import tempfile
import time
import zlib
from dataclasses import asdict, dataclass, replace
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from pathlib import Path
from urllib.parse import quote, urldefrag, urljoin, urlsplit

CACHE = Path(".fetch-cache")
MOST_REDIRECTS = 10
REDIRECTS = (301, 302, 303, 307, 308)
SCHEMES = {"http": HTTPConnection, "https": HTTPSConnection}
TIMEOUT = 30  # seconds without a byte
KEPT_AS_IT_IS = "!#$%&'()*+,/:;=?@[]~"  # characters of a URL that need no percent-encoding


class FetchError(Exception):
    """There is nothing to print; the text says why."""


@dataclass(frozen=True)
class Kept:
    """A body in the cache, and what decides whether it can be used again."""

    url: str
    etag: str
    last_modified: str
    cache_control: str
    asked: float  # seconds since 1970
    body: bytes = b""

    @property
    def is_fresh(self) -> bool:
        """Whether it can be used without asking (RFC 9111, section 4.2)."""
        control = directives(self.cache_control)
        age = control.get("max-age", "")
        if "no-cache" in control or not age.isdecimal():
            return False
        return 0 <= time.time() - self.asked < int(age[:9])

    def conditions(self) -> dict[str, str]:
        """Return the fields that ask only for another version than this one (RFC 9110, section 13.1)."""
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.last_modified} if self.last_modified else {}

    def refreshed(self, fields: HTTPMessage, asked: float) -> "Kept":
        """Return it with what a 304 says (RFC 9111, section 4.3.4)."""
        return replace(
            self,
            etag=fields.get("ETag", self.etag),
            last_modified=fields.get("Last-Modified", self.last_modified),
            cache_control=all_of(fields, "Cache-Control") or self.cache_control,
            asked=asked,
        )


def directives(cache_control: str) -> dict[str, str]:
    """Return the items of Cache-Control with their arguments."""
    pairs = (item.partition("=") for item in cache_control.lower().split(","))
    return {name.strip(): argument.strip(' "\t') for name, _, argument in pairs}


def all_of(fields: HTTPMessage, name: str) -> str:
    """Return the value of a field that is a list; it may have been sent in several lines."""
    return ", ".join(fields.get_all(name, []))


def file_of(url: str) -> Path:
    """Return the file that keeps a URL: a hash has no slash, is never too long, and differs for each URL."""
    return CACHE / hashlib.sha256(url.encode()).hexdigest()


def load(url: str) -> Kept | None:
    """Return what is kept of a URL, if there is something and it is whole."""
    try:
        head, _, body = file_of(url).read_bytes().partition(b"\n")
        kept = Kept(**json.loads(head), body=body)
    except (OSError, ValueError, TypeError):
        return None
    return kept if kept.url == url else None


def store(kept: Kept) -> None:
    """Keep a body, and what belongs to it, in one file, which is there as a whole or not."""
    head = asdict(kept)
    body = head.pop("body")
    CACHE.mkdir(exist_ok=True)
    # If the program is stopped while it writes, only the temporary file is broken.
    with tempfile.NamedTemporaryFile(dir=CACHE, delete=False) as file:
        file.write(json.dumps(head).encode() + b"\n" + body)
    Path(file.name).replace(file_of(kept.url))


def ask(url: str, conditions: dict[str, str]) -> tuple[int, str, HTTPMessage, bytes]:
    """Send a GET request; return the status code with its phrase, the header fields, and the body."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise FetchError("only http and https are fetched")
    connection = SCHEMES[parts.scheme](parts.hostname, parts.port, timeout=TIMEOUT)
    target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=KEPT_AS_IT_IS)
    try:
        connection.request("GET", target, headers={"Accept-Encoding": "gzip", **conditions})
        answer = connection.getresponse()
        body = answer.read()  # raises IncompleteRead if the server goes away
    finally:
        connection.close()
    if answer.getheader("Content-Encoding", "").strip().lower() == "gzip" and body:
        body = gzip.decompress(body)  # raises EOFError if the end is missing
    return answer.status, f"{answer.status} {answer.reason}", answer.headers, body


def get(url: str) -> tuple[int, str, HTTPMessage, bytes]:
    """Return the answer for a URL, from the cache if possible."""
    kept = load(url)
    if kept is not None and kept.is_fresh:
        return 200, "", HTTPMessage(), kept.body
    asked = time.time()
    status, phrase, fields, body = ask(url, kept.conditions() if kept else {})
    if status == 304 and kept is not None:
        store(kept.refreshed(fields, asked))
        return 200, "", fields, kept.body
    if status == 200:
        control = all_of(fields, "Cache-Control")
        if "no-store" in directives(control):
            file_of(url).unlink(missing_ok=True)
        else:
            etag, modified = fields.get("ETag", ""), fields.get("Last-Modified", "")
            store(Kept(url, etag, modified, control, asked, body))
    return status, phrase, fields, body


def fetch(url: str) -> bytes:
    """Return the body that a URL leads to. Raises FetchError."""
    seen: set[str] = set()
    for _ in range(1 + MOST_REDIRECTS):
        url = urldefrag(url).url
        if url in seen:
            raise FetchError(f"the redirects lead back to {url}")
        seen.add(url)
        status, phrase, fields, body = get(url)
        if status in REDIRECTS and "Location" in fields:
            url = urljoin(url, fields["Location"])
        elif status >= 300:
            raise FetchError(phrase)
        else:
            return body
    raise FetchError(f"more than {MOST_REDIRECTS} redirects")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("Usage: python fetch.py URL")
    url = sys.argv[1]
    try:
        body = fetch(url)
    except (FetchError, OSError, HTTPException, EOFError, ValueError, zlib.error) as error:
        sys.exit(f"{url}: {error or type(error).__name__}")
    sys.stdout.buffer.write(body)  # print() would decode it, and add a line end


if __name__ == "__main__":
    main()
