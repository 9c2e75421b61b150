"""Step 4: generating XML."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from labcheck.suite import Draw, Server, given, requirement
from labcheck.suites.json_errors import Refusal
from labcheck.suites.lab5.catalogue import Book, as_xml, books_in, is_document, new_book, new_books
from labcheck.suites.lab5.feed import URI, feed_of, is_date, is_feed, leads_to, path_in, tag_of
from labcheck.suites.lab5.page import Rows
from labcheck.suites.lab5.service import path_of, post, put_in, reader, shows_errors
from labcheck.suites.seconds import wait_past

if TYPE_CHECKING:
    from collections.abc import Sequence


def awkward_books(draw: Draw) -> list[Book]:
    """Return books whose texts look like markup, or have what a careless writer loses."""
    word = draw.word
    texts = [
        f"{word(4)} < {word(4)}",
        f"{word(4)} & {word(4)} &amp; {word(3)}",
        f"<b>{word(5)}</b>",
        f"{word(4)} \"{word(4)}\" '{word(4)}'",
        f"{word(4)} ]]> {word(4)}",
        f"🙂 {word(4)} 日本 é",
        f"{word(4)}\n{word(4)}",
        f"</title><title>{word(5)}",
        f"<!-- {word(5)} -->",
        f"&#65;{word(5)}",
    ]
    ids = [f'{word(4)}"{word(3)}', f"{word(4)}<{word(3)}", f"{word(4)}&{word(3)}", f"{word(4)}'🙂", f"{word(4)}&lt;"]
    ids += [f"{word(5)}{place}" for place in range(len(texts) - len(ids))]
    return [
        new_book(draw, id=id, title=text, author=texts[place - 3], year=None, price=None)
        for place, (id, text) in enumerate(zip(ids, texts, strict=True))
    ]


@requirement(
    "4.1",
    explained_by=["2.1", "2.2", "3.1"],
    hints=[
        'What does a title such as <b> & "c" have to look like in XML, so that it is still this title?',
        "Never put XML together from strings: a tree of elements knows only texts, and its writer escapes them.",
        "ElementTree.tostring(root, encoding='utf-8', xml_declaration=True) gives you the bytes to send.",
    ],
)
def test_text_stays_text(server: Server, draw: Draw) -> None:
    """All XML is well-formed, and reads back to the same text: `<`, `&`, quotes, `]]>`, emoji, line breaks."""
    books = awkward_books(draw)
    put_in(server, books)
    assert books_in(server.get("/catalog")) == books
    for book in books:
        answer = server.get(path_of(book.id))
        if is_document(answer, "book"):  # otherwise, 3.4 fails
            assert books_in(answer, "book") == [book]
    answer = server.get("/feed.atom")
    if answer.status == 200:
        found = answer.xml
        assert found.root is not None, f"the feed should be XML; it is {found.problem}"
    if is_feed(answer):  # otherwise, 4.2 fails
        _, entries = feed_of(answer, server)
        if len(entries) == len(books):
            expect_texts("title", [entry.title for entry in entries], [book.title for book in books])
            expect_texts("author", [entry.author for entry in entries], [book.author for book in books])


def expect_texts(name: str, came: Sequence[str], wanted: Sequence[str]) -> None:
    """Compare the texts in a feed, whose order is not given."""
    for text in wanted:
        assert text in came or not any(came), f"an entry of the feed should have the {name} {text!r}; none has"


@requirement(
    "4.2",
    explained_by=["2.1", "2.2", "3.4", "4.1"],
    hints=[
        "A feed reader asks every hour. How does it know which entries are new?",
        "RFC 4287, sections 4.1.1 and 4.1.2: what a feed and an entry must have. RFC 3339: dates, with a zone.",
        "An id is a URI that stays: urn:isbn:…, tag:…, or the book's URL. quote() makes the id a part of a link.",
    ],
)
def test_feed(server: Server, draw: Draw) -> None:
    """`/feed.atom` gets an Atom feed, with an entry for each book that has an id that stays, and a link to it."""
    word = draw.word
    ids = [
        word(6),
        f"{word(4)} {word(4)}",
        f"{word(4)}é",
        f"{word(4)}%20",
        f"{word(4)}?{word(3)}",
        f"{word(3)}#{word(3)}",
    ]
    books = [new_book(draw, id=id) for id in (*ids, f"{word(3)}/{word(3)}")]
    put_in(server, books)
    answer = server.get("/feed.atom")
    assert answer.status == 200
    assert answer.media_type == "application/atom+xml"
    assert is_feed(answer), f"the outermost element should be feed, of Atom; it is {tag_of(answer)}"
    feed, entries = feed_of(answer, server)
    assert feed.title, "the feed should have a title; it has none"
    for what, entry in [("the feed", feed), *(("an entry", entry) for entry in entries)]:
        assert URI.fullmatch(entry.id), f"the id of {what} should be a URI, such as urn:…; it is {entry.id!r}"
        assert is_date(entry.updated), (
            f"updated of {what} should be such as 2026-01-31T12:00:00Z; it is {entry.updated!r}"
        )
    assert len(entries) == len(books), (
        f"there should be an entry for each of {len(books)} books; there are {len(entries)}"
    )
    assert len({entry.id for entry in entries}) == len(entries), "two entries have the same id"
    for book in books:
        found = next((entry for entry in entries if entry.title == book.title), None)
        assert found is not None, f"there should be an entry with the title {book.title!r}; none has it"
        assert found.author == book.author, f"the author's name should be {book.author!r}; it is {found.author!r}"
        link = next((link for link in found.links if leads_to(link, book.id, server)), "")
        came = ", ".join(found.links) or "none"
        assert link, f"an entry should have a link to {path_of(book.id)}; its links are {came}"
        linked = books_in(server.get(path_in(link, server)), "book")
        assert linked == [book] or linked.problem, f"the link {link} leads to another book"
    wait_past(time.time())  # an id that is made of the time is another one then
    answer = server.get("/feed.atom")
    given(is_feed(answer), f"GET /feed.atom got {answer} the second time")
    again = feed_of(answer, server)
    assert again[0].id == feed.id, "the feed's id should be the same at each request"
    assert {entry.id for entry in again[1]} == {entry.id for entry in entries}, "an entry's id should stay the same"


@requirement(
    "4.3",
    explained_by=["2.1", "2.3"],
    needs=["3.1"],
    hints=[
        "What should a reader of your XML do with a character that XML does not have?",
        "XML 1.0, section 2.2 lists the characters that there are; no reference may stand for another one.",
        "A parser refuses them for you: answer 400. What never comes in never goes out.",
    ],
)
def test_characters_that_xml_does_not_have(server: Server, draw: Draw) -> None:
    """Characters that XML cannot hold (a NUL, `&#11;`) get 400, and never go out."""
    with_json, read, old = shows_errors(server, draw), reader(server, draw), new_books(draw)
    put_in(server, old)
    for mark in ("&#0;", "&#11;", "&#x1F;", "&#8;", "\0", "\x0b", "\x01", "\x1b"):
        for part in ("title", "author", "id"):
            parts: dict[str, Any] = {part: f"{draw.word(4)}MARK{draw.word(4)}"}
            book = new_book(draw, **parts)
            answer = post(server, as_xml([book]).replace("MARK", mark))
            assert Refusal(answer, with_json=with_json) == 400
            assert read([*old, book]) == old, "a catalogue that is refused changes nothing"


@requirement(
    "4.4",
    explained_by=["2.1", "2.2"],
    hints=[
        "What does a browser do with a book whose title is <script>?",
        "html.escape() makes text of it: < becomes &lt;, and & becomes &amp;.",
        "A row is <tr><td>…</td><td>…</td></tr>; escape every text that you put into it, also what comes from ids.",
    ],
)
def test_page(server: Server, draw: Draw) -> None:
    """`/catalog.html` gets a page with a table with a row for each book, in which all text is text."""
    for books in (new_books(draw, 5), awkward_books(draw)):
        word = draw.word(6)
        books = [*books, new_book(draw, title=f"<script>{word}</script>", author=f"<img src=x> {escape('<&>')}")]
        put_in(server, books)
        answer = server.get("/catalog.html")
        assert answer.status == 200
        assert answer.media_type == "text/html"
        page = Rows(answer.source)
        rows = [" ".join(row) for row in page.rows if row]
        came = f"it has {len(rows)}" + (f", and {page.stray} stand outside of a <table>" if page.stray else "")
        many = f"{len(books)} rows, or one more with headings"
        assert len(rows) - len(books) in (0, 1), f"the table should have {many}; {came}"
        for book in books:
            texts = [" ".join(text.split()) for text in (book.title, book.author)]
            is_shown = any(all(text in row for text in texts) for row in rows)
            assert is_shown, f"a row should show the texts {texts[0]} and {texts[1]}; none does"
