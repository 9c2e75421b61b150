"""An Atom feed as a reader sees it (RFC 4287)."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from labcheck.suite import given

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from labcheck.suite import Answer, Server

ATOM = "{http://www.w3.org/2005/Atom}"
BASE = "{http://www.w3.org/XML/1998/namespace}base"
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x20]+")  # RFC 3986, section 3
DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")  # RFC 3339, section 5.6
TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Entry:
    """An entry of a feed, or the feed itself; what it does not have is empty. `links` are absolute."""

    id: str
    title: str
    updated: str
    author: str
    links: tuple[str, ...]


def feed_of(answer: Answer, server: Server) -> tuple[Entry, list[Entry]]:
    """Return a feed, and its entries; a check of what is in it does not run if it is no feed."""
    found = answer.xml
    assert found.root is not None, f"the feed should be XML; it is {found.problem}"
    assert found.root.tag == f"{ATOM}feed", f"the outermost element should be feed, of Atom; it is {found.root.tag}"
    base = urljoin(f"http://localhost:{server.port}/feed.atom", found.root.get(BASE, ""))
    entries = [_entry(element, base) for element in found.root.findall(f"{ATOM}entry")]
    return _entry(found.root, base), entries


def _entry(element: Element, base: str) -> Entry:
    base = urljoin(base, element.get(BASE, ""))
    links = tuple(urljoin(base, link.get("href", "")) for link in element.findall(f"{ATOM}link") if link.get("href"))
    texts = {name: _text(element.find(f"{ATOM}{name}")) for name in ("id", "title", "updated", f"author/{ATOM}name")}
    return Entry(texts["id"], texts["title"], texts["updated"], texts[f"author/{ATOM}name"], links)


def _text(element: Element | None) -> str:
    """Return a text construct as a reader shows it (RFC 4287, section 3.1)."""
    if element is None:
        return ""
    text = "".join(element.itertext())
    return (html.unescape(TAG.sub("", text)) if element.get("type") == "html" else text).strip()


def is_date(text: str) -> bool:
    """Return whether a text is a date and time of RFC 3339, which has a zone."""
    found = DATE.fullmatch(text)
    try:
        return bool(found and datetime.fromisoformat(found[1]) and (found[3] == "Z" or found[3][1:] < "24:00"))
    except ValueError:
        return False


def path_in(link: str, server: Server) -> str:
    """Return the path of a link to this server, as it is written; empty for another server."""
    parts = urlsplit(link)
    return parts.path if parts.port == server.port or (parts.port is None and not parts.netloc) else ""


def leads_to(link: str, id: str, server: Server) -> bool:
    """Return whether a link is that of a book: percent-encoded as a URI must be, and nothing behind the id."""
    path = path_in(link, server)
    is_encoded = re.fullmatch(r"[!-~]*", link) and not re.search(r'[<>"{}|\\^`]|%(?![0-9A-Fa-f]{2})', link)
    return bool(is_encoded) and unquote(path) == f"/catalog/{id}" and not re.search(r"[?#]", link)


def given_feed(answer: Answer) -> None:
    """Go on only if there is a feed at all."""
    given(answer.status == 200, f"GET /feed.atom got {answer}")
