"""A client that prints what is at a URL, and asks for it again only if it has to.

Usage: python fetch.py URL

It runs as it is, but it works wrongly where there is a TODO. The lab sheet (README.md)
explains each step; `labcheck lab4` shows which requirements already pass.
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
        # TODO 5.7: compare the time since self.asked with max-age; with no-cache, it is never fresh.
        #   Given:  directives(self.cache_control) is a dictionary such as {"max-age": "60", "public": ""}.
        return False

    def conditions(self) -> dict[str, str]:
        """Return the fields that ask only for another version than this one (RFC 9110, section 13.1)."""
        # TODO 5.6: send the tag, or else the date, as it came; nothing without either.
        return {}

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
    # TODO 5.4: refuse every scheme but http and https.
    #   Given:  raise FetchError("the reason"); parts.scheme; the table SCHEMES, above.
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=KEPT_AS_IT_IS)
    try:
        connection.request("GET", target, headers=conditions)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    # TODO 5.5: ask for gzip in Accept-Encoding, above; here, unpack the body if Content-Encoding says so.
    #   Given:  answer.getheader(name, ""); the module gzip, imported above.
    return answer.status, f"{answer.status} {answer.reason}", answer.headers, body


def get(url: str) -> tuple[int, str, HTTPMessage, bytes]:
    """Return the answer for a URL, from the cache if possible."""
    # TODO 5.6: look for a kept body, send its conditions, and return it at a 304; keep the body of a 200.
    #   Given:  load(url), store(Kept(...)), kept.conditions() and kept.refreshed(), above.
    # TODO 5.7: do not ask at all while the kept body is fresh; keep nothing with no-store, and only a 200.
    return ask(url, {})


def fetch(url: str) -> bytes:
    """Return the body that a URL leads to. Raises FetchError."""
    # TODO 5.1: raise FetchError(phrase) at a status of 400 or more; it holds the status code and its name.
    # TODO 5.2: follow the five kinds of redirects (REDIRECTS, above).
    #   Given:  urljoin(url, fields["Location"]) is the next URL, also if Location is relative.
    # TODO 5.3: give up after MOST_REDIRECTS of them, or where one leads back to a URL that was asked.
    answer = get(url)
    return answer[3]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("Usage: python fetch.py URL")
    url = sys.argv[1]
    try:
        body = fetch(url)
    except FetchError as error:
        sys.exit(f"{url}: {error}")
    # TODO 5.8: catch the errors of a server that is not there, speaks no HTTP, or goes away, in the same way.
    #   Given:  OSError, HTTPException, EOFError, ValueError and zlib.error are what the functions above may raise.
    # TODO 5.1: print the bytes as they are.
    #   Given:  sys.stdout.buffer takes bytes.
    print(body)


if __name__ == "__main__":
    main()
