"""Step 3: searching XML."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from labcheck.suite import Draw, Server, requirement
from labcheck.suites.json_errors import Refusal
from labcheck.suites.lab5.catalogue import XML, Book, books_in, new_book, new_books
from labcheck.suites.lab5.service import path_of, put_in, shows_errors

if TYPE_CHECKING:
    from collections.abc import Sequence


def search(server: Server, **conditions: object) -> str:
    """Return the target that searches for books."""
    return "/catalog?" + "&".join(f"{name}={quote(str(value), safe='')}" for name, value in conditions.items())


def expect_found(server: Server, target: str, books: Sequence[Book]) -> None:
    """Compare the books that are found with those that should be."""
    answer = server.get(target)
    assert answer.status == 200
    assert answer.media_type == XML
    assert books_in(answer) == list(books)


@requirement(
    "3.1",
    explained_by=["2.1"],
    hints=[
        "What does a client get that asks before anybody has posted a catalogue?",
        "xml.etree.ElementTree: Element and SubElement build a tree, tostring() writes it.",
        "Keep the books in a list, in the order in which they came, and make the document from it for each answer.",
    ],
)
def test_the_catalogue(new_server: Server, draw: Draw) -> None:
    """`/catalog` gets a document with all books in the order in which they came, at first without any."""
    expect_found(new_server, "/catalog", [])
    for _ in range(2):
        books = new_books(draw, 12)
        draw.shuffle(books)
        books[1] = new_book(draw, id=books[1].id, year=None, price=None)
        books[2] = new_book(draw, id=books[2].id, year=1999, price="12.50", currency="EUR")
        put_in(new_server, books)
        expect_found(new_server, "/catalog", books)


@requirement(
    "3.2",
    explained_by=["2.1", "2.2", "3.1", "4.1"],
    hints=[
        "Which books meet a condition about years if they have no year?",
        "str.casefold() is made for comparing text without regard to case; urllib.parse.parse_qs() reads a query.",
        "A book is found if all conditions hold: a text is a part of its own, since <= year, year <= until.",
    ],
)
def test_conditions(server: Server, draw: Draw) -> None:
    """`/catalog?author=…&title=…&since=…&until=…` gets the books that meet all conditions; a bad year gets 400."""
    one, two, year = draw.word(6), draw.word(6), draw.randrange(1500, 1990)
    authors = [f"{one.title()} Éluard", f"{one} ЖУКОВ", f"{two.upper()} Østergård", f"x{two}y", draw.word(5)]
    years = [year, year + 1, year + 5, None, year + 9, None, year - 1, 987]
    books = [
        new_book(draw, id=f"{draw.word(4)}{place}", title=title, author=authors[place % 5], year=years[place % 8])
        for place, title in enumerate(f"{draw.word(5)} {word}" for word in (one.upper(), two, "Ünder", "x") * 4)
    ]
    put_in(server, books)

    def having(author: str = "", title: str = "", since: int = -1, until: int = 10**6) -> list[Book]:
        return [
            book
            for book in books
            if author.lower() in book.author.lower()
            and title.lower() in book.title.lower()
            and ((since, until) == (-1, 10**6) or (book.year is not None and since <= book.year <= until))
        ]

    for author in (
        one,
        one.upper(),
        two,
        "éluard",
        "ÉLU",
        "жуков",
        "østerGÅRD",
        f"{two[2:]}y",
        draw.word(12),
        authors[1],
    ):
        expect_found(server, search(server, author=author), having(author=author))
    for title in (one, two.title(), "ünDER", draw.word(12)):
        expect_found(server, search(server, title=title), having(title=title))
    for since in (year, year + 2, year + 9, year + 10, 900):
        expect_found(server, search(server, since=since), having(since=since))
    for until in (year, year + 4, year + 9, year - 2, 1000):
        expect_found(server, search(server, until=until), having(until=until))
    expect_found(server, search(server, since=year + 1, until=year + 5), having(since=year + 1, until=year + 5))
    expect_found(server, search(server, until=year, since=year + 1), [])
    expect_found(server, search(server, author=one, title=two), having(one, two))
    expect_found(server, search(server, since=year, author=two, until=year + 8), having(two, "", year, year + 8))
    expect_found(server, search(server, title=one, since=year, author=one), having(one, one, since=year))
    with_json = shows_errors(server, draw)
    for name in ("since", "until"):
        for value in (draw.word(4), f"{year}x", f"x{year}", "--1"):
            assert Refusal(server.get(search(server, **{name: value})), with_json=with_json) == 400


@requirement(
    "3.3",
    explained_by=["2.1", "2.2", "3.1", "3.2", "4.1"],
    hints=[
        "What happens if a reader's text becomes a part of an expression or of an XPath?",
        "Then it is code, and the reader writes it. Compare texts as texts: `in` is all you need.",
        "Walk through the books, and ask whether the text of the query is in the book's text.",
    ],
)
def test_special_characters(server: Server, draw: Draw) -> None:
    """Quotes, brackets, apostrophes and `*` in a query are only text: they find what they say."""
    marks = ["'", '"', "[", "]", "(", ")", "*", ".", "<", "&", "%", "+", "\\", "$", "|", "{", "#", "="]
    books = [new_book(draw, id=f"b{place}", title=f"{draw.word(4)}{mark}") for place, mark in enumerate(marks)]
    books += [new_book(draw, id=f"a{place}", author=f"{draw.word(4)}{mark} x") for place, mark in enumerate(marks)]
    put_in(server, books)
    odd = [
        "' or '1'='1",
        "']|//*|a['",
        '"] | //book["',
        ".*",
        "a|b",
        "[a-z]",
        "*)",
        "(",
        "\\w",
        "%25",
        "&amp;",
        "a b+c",
    ]
    for text in [*marks, *odd]:
        expect_found(server, search(server, title=text), [book for book in books if text in book.title])
        expect_found(server, search(server, author=text), [book for book in books if text in book.author])


@requirement(
    "3.4",
    explained_by=["2.1", "2.2", "4.1"],
    hints=[
        "What does an id with a blank, or with a letter beyond ASCII, look like in a request line?",
        "RFC 3986, section 2.1: percent-encoding. urllib.parse.unquote() undoes it: once, and without touching a +.",
        "Take what follows /catalog/, decode it, and look for a book with exactly this id; otherwise answer 404.",
    ],
)
def test_one_book(server: Server, draw: Draw) -> None:
    """`/catalog/bk1` gets that book as a document; an id that does not exist, and any other path, get 404 as JSON."""
    word = draw.word
    ids = [word(5), f"{word(4)} {word(3)}", f"{word(4)}é日", f"{word(3)}/{word(3)}", f"{word(4)}%41", f"{word(4)}?x=1"]
    ids += [f"{word(3)}#{word(2)}", f"{word(3)}='{word(2)}'", "catalog", f"{word(4)};{word(2)}"]
    books = [new_book(draw, id=id) for id in ids]
    plus = new_book(draw, id=f"{word(3)}+{word(3)}")
    put_in(server, [*books, plus])
    asked = [(path_of(book.id), book) for book in books] + [(f"/catalog/{plus.id}", plus)]
    asked.append((f"/catalog/%{ord(ids[0][0]):02X}{ids[0][1:]}", books[0]))  # any character may be encoded
    for path, book in asked:
        answer = server.get(path)
        assert answer.status == 200
        assert answer.media_type == XML
        assert books_in(answer, "book") == [book]
    unknown = [f"/catalog/{word(9)}", path_of(f"{ids[0]}x"), path_of(ids[0].upper()), path_of(ids[0][:-1])]
    for path in [*unknown, f"/{word()}", f"/{word()}/{word()}", f"/log/{word()}"]:
        assert Refusal(server.get(path)) == 404
