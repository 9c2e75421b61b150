"""The solution of library.py writes what others can read: its feed, as RFC 4287 asks, and all of its XML.

The readers are feedparser, which knows feeds, and lxml and expat, two parsers that have nothing in common.
"""

from __future__ import annotations

import re
import shutil
import urllib.request
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urljoin
from xml.parsers import expat

import feedparser  # type: ignore[import-untyped]
import pytest
from lxml import etree  # type: ignore[import-untyped]

from conftest import CHECKOUT, TESTS, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOOKS = "{urn:labcheck:books}"
FEED_TYPE = "application/atom+xml"


class Book(NamedTuple):
    id: str
    title: str
    author: str


HARD = [
    Book("bk1", "Q&A: is 1 < 2 > 0?", "Émile Zola"),
    Book('é/1 50%?#"', "]]> & &amp; <![CDATA[x]]>", "O'Brien"),
    Book("<b>&", '"quoted" \\ back', "吾輩は猫である"),
    Book("😀", "</title><title>another", "Jane\nAusten"),
]


def document(books: list[Book]) -> bytes:
    """Return a catalogue as XML, written by lxml."""
    root = etree.Element(f"{BOOKS}catalog", nsmap={None: BOOKS.strip("{}")})
    for book in books:
        element = etree.SubElement(root, f"{BOOKS}book", id=book.id)
        etree.SubElement(element, f"{BOOKS}title").text = book.title
        etree.SubElement(element, f"{BOOKS}author").text = book.author
    written: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written


class Client:
    """Asks a library that runs on a port of this machine."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str, media_type: str = "application/xml") -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            assert answer.headers.get_content_type() == media_type
            body: bytes = answer.read()
        return body

    def feed(self) -> bytes:
        return self.get("/feed.atom", FEED_TYPE)

    def post(self, books: list[Book]) -> None:
        request = urllib.request.Request(f"{self.url}/catalog", document(books), {"Content-Type": "application/xml"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 201


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Run the solution, with a catalogue of texts that are hard to write."""
    folder: Path = tmp_path_factory.mktemp("library") / "lab5"
    shutil.copytree(CHECKOUT / "solutions" / "lab5", folder)
    shutil.copy(CHECKOUT / "labs" / "lab5" / "access.log", folder)
    with serving(folder, "library.py") as port:
        client = Client(port)
        client.post(HARD)
        yield client


@pytest.fixture(scope="module")
def schema() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(TESTS / "lab5" / "atom.rng"))


# -- The feed


def test_a_feed_reader_reads_the_feed(library: Client) -> None:
    """feedparser takes it for Atom without an error, and finds each book with its title, its author and its page."""
    url = f"{library.url}/feed.atom"
    fields = {"content-location": url, "content-type": FEED_TYPE}
    found = feedparser.parse(library.feed(), response_headers=fields, sanitize_html=False)
    assert (found.version, found.bozo) == ("atom10", False)
    assert found.feed.title
    assert found.feed.updated_parsed is not None
    assert [entry.title for entry in found.entries] == [book.title for book in HARD]
    assert [" ".join(entry.author.split()) for entry in found.entries] == [" ".join(b.author.split()) for b in HARD]
    assert len({entry.id for entry in found.entries} | {found.feed.id}) == len(HARD) + 1
    assert all(entry.updated_parsed for entry in found.entries)
    for book, entry in zip(HARD, found.entries, strict=True):
        page = etree.fromstring(library.get(urljoin(url, entry.link).removeprefix(library.url)))
        assert page.get("id") == book.id


def test_the_feed_is_valid(library: Client, schema: etree.RelaxNG) -> None:
    """The feed has what RFC 4287 asks for, with books and without."""
    schema.assertValid(etree.fromstring(library.feed()))
    library.post([])
    try:
        schema.assertValid(etree.fromstring(library.feed()))
    finally:
        library.post(HARD)


def drop(name: str) -> str:
    """Return an expression that finds the first element of this name, with what is in it."""
    return rf"<{name}\b[^>]*?(/>|>.*?</{name}>)"


FEED = """<feed xmlns="http://www.w3.org/2005/Atom">
<id>urn:example:feed</id><title>Books</title><updated>2026-11-30T08:09:52Z</updated>
<entry><id>urn:example:1</id><title>Emma</title><author><name>Jane Austen</name></author>
<updated>2026-11-30T08:09:52+01:00</updated><link href="/catalog/1%202"/></entry>
<entry><id>urn:example:2</id><title/><author><name/></author>
<updated>2026-11-30T08:09:52.5Z</updated><link href="/catalog/2"/></entry>
</feed>"""
WRONG = {  # an expression that finds a place in FEED, and what is wrong when it is replaced
    "no id": (drop("id"), ""),
    "no title": (drop("title"), ""),
    "no updated": (drop("updated"), ""),
    "two ids": (r"(<id>urn:example:feed</id>)", r"\1\1"),
    "two titles": (r"(<title>Books</title>)", r"\1\1"),
    "two dates": (r"(<updated>2026-11-30T08:09:52Z</updated>)", r"\1\1"),
    "an entry without an id": ("<id>urn:example:1</id>", ""),
    "an entry with two titles": (r"(<title>Emma</title>)", r"\1\1"),
    "an entry without a date": (r"<updated>2026-11-30T08:09:52\+01:00</updated>", ""),
    "an entry without an author": (drop("author"), ""),
    "an author without a name": (drop("name"), ""),
    "an author with a text": (r"<name>Jane Austen</name>", "Jane Austen"),
    "an entry without a link": (drop("link"), ""),
    "a link without a target": (r' href="/catalog/2"', ""),
    "a link with a blank": ("/1%202", "/1 2"),
    "a link that is not ASCII": ("/1%202", "/é"),
    "a percent sign alone": ("/1%202", "/1%2"),
    "an id that is not a URI": ("urn:example:1", "1"),
    "an id with a blank": ("urn:example:1", "urn:example: 1"),
    "a date without a zone": ("52Z", "52"),
    "a date without a time": (r"2026-11-30T08:09:52Z", "2026-11-30"),
    "a date with a blank": ("30T08", "30 08"),
    "a day that does not exist": ("2026-11-30", "2026-11-31"),
    "another namespace": ("2005/Atom", "2005/Atom/"),
    "another root": (r"(?s)<feed(.*)</feed>", r"<rss\1</rss>"),
    "an unknown element": ("<title/>", "<title/><price/>"),
    "elements in a title": ("<title/>", "<title><b/></title>"),
}


def test_a_right_feed_is_valid(schema: etree.RelaxNG) -> None:
    """An author of the whole feed is enough for the entries that have no author."""
    schema.assertValid(etree.fromstring(FEED))
    one_author = re.sub(drop("author"), "", FEED).replace("<entry>", "<author><name>A</name></author><entry>", 1)
    schema.assertValid(etree.fromstring(one_author))


@pytest.mark.parametrize(("place", "instead"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_feed_is_refused(place: str, instead: str, schema: etree.RelaxNG) -> None:
    """The schema finds each thing that RFC 4287 forbids."""
    wrong = re.sub(place, instead, FEED, count=1)
    assert wrong != FEED
    assert not schema.validate(etree.fromstring(wrong))


# -- All of its XML


def read_by_expat(body: bytes) -> list[tuple[str, str]]:
    """Return the name and the text of each element, in the order of the start tags."""
    found: list[tuple[str, list[str]]] = []
    open_elements: list[list[str]] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        text: list[str] = []
        open_elements.append(text)
        found.append((name, text))

    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: open_elements.pop()
    parser.CharacterDataHandler = lambda text: open_elements[-1].append(text)
    parser.Parse(body, True)
    return [(name, "".join(text)) for name, text in found]


def read_by_lxml(body: bytes) -> list[tuple[str, str]]:
    """Return the same as read_by_expat()."""
    root = etree.fromstring(body, etree.XMLParser(resolve_entities=False))
    return [(str(element.tag).lstrip("{"), element.text or "") for element in root.iter()]


@pytest.mark.parametrize("path", ["/catalog", "/feed.atom", *(f"/catalog/{quote(book.id, safe='')}" for book in HARD)])
def test_two_parsers_read_the_same(path: str, library: Client) -> None:
    """Both parsers take each document, and agree about every name and every text in it."""
    body = library.feed() if path == "/feed.atom" else library.get(path)
    assert read_by_expat(body) == read_by_lxml(body)


def test_all_texts_come_back(library: Client) -> None:
    """The catalogue has each id, title and author as it was sent, and so has the document of each book."""
    root = etree.fromstring(library.get("/catalog"))
    single = [etree.fromstring(library.get(f"/catalog/{quote(book.id, safe='')}")) for book in HARD]
    for elements in (root.findall("{*}book"), single):
        found = [(each.get("id"), each.findtext("{*}title"), each.findtext("{*}author")) for each in elements]
        assert found == HARD
