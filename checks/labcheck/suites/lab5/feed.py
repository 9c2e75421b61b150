"""An Atom feed as a reader sees it (RFC 4287)."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

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


def tag_of(answer: Answer) -> str:
    """Return the name of the outermost element of an answer, with its namespace in braces; in words if it is no XML."""
    root = answer.xml.root
    return answer.xml.problem if root is None else root.tag


def is_feed(answer: Answer) -> bool:
    """Return whether an answer is a feed of Atom."""
    return answer.status == 200 and tag_of(answer) == f"{ATOM}feed"


def feed_of(answer: Answer, server: Server) -> tuple[Entry, list[Entry]]:
    """Return what a feed says of itself, and its entries."""
    root = answer.xml.root
    assert root is not None
    base = f"http://localhost:{server.port}/feed.atom"
    entries = [_entry(element, _joined(base, root.get(BASE, ""))) for element in root.findall(f"{ATOM}entry")]
    return _entry(root, base), entries


def _entry(element: Element, base: str) -> Entry:
    base = _joined(base, element.get(BASE, ""))
    links = tuple(_joined(base, link.get("href", "")) for link in element.findall(f"{ATOM}link") if link.get("href"))
    texts = {name: _text(element.find(f"{ATOM}{name}")) for name in ("id", "title", "updated", f"author/{ATOM}name")}
    return Entry(texts["id"], texts["title"], texts["updated"], texts[f"author/{ATOM}name"], links)


def _joined(base: str, link: str) -> str:
    """Return an absolute link; as it is, if it is no URL."""
    try:
        return urljoin(base, link)
    except ValueError:
        return link


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
    """Return the path of a link to this server, as it is written; empty for another server, and for what is no URL."""
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError:
        return ""
    return parts.path if port == server.port or (port is None and not parts.netloc) else ""


def leads_to(link: str, id: str, server: Server) -> bool:
    """Return whether a link is that of a book: percent-encoded as a URI must be, and nothing behind the id."""
    path = path_in(link, server)
    is_encoded = re.fullmatch(r"[!-~]*", link) and not re.search(r'[<>"{}|\\^`]|%(?![0-9A-Fa-f]{2})', link)
    return bool(is_encoded) and unquote(path) == f"/catalog/{id}" and not re.search(r"[?#]", link)
