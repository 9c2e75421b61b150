"""Step 2: parsing XML."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from labcheck.suite import Draw, Server, given, requirement
from labcheck.suites.json_errors import JSON, Refusal
from labcheck.suites.lab5.catalogue import (
    XML,
    Book,
    as_xml,
    books_in,
    forms,
    is_document,
    new_book,
    new_books,
    shown,
)
from labcheck.suites.lab5.service import (
    SUCCESS,
    error_of,
    numbers_in,
    path_of,
    post,
    put_in,
    reader,
    shows_errors,
    way_that_shows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from labcheck.suite import Answer
    from labcheck.suites.lab5.catalogue import Books

MIB = 1 << 20
MOST = 10 * MIB  # bytes of a body
MOST_MEMORY = 100_000_000  # bytes that a refused document may cost
EXPANDED = 150_000_000  # characters that entities would make: more than that, and far less than labcheck allows in all
MANY = 1000  # books, so that it takes a moment to put them in place
LETTERS, LONGER = 60, 1400  # of their titles; it takes a moment to parse the longer ones
ROUNDS = 70  # catalogues that are posted while others read
LEAST_ROUNDS, SECONDS = 12, 3.0  # that is enough if it takes longer


@requirement(
    "2.1",
    hints=[
        "What does the client want to know after it has sent a catalogue?",
        "RFC 9110, section 15.3.2: 201 (Created). xml.etree.ElementTree makes a tree of elements from bytes.",
        'Read Content-Length bytes, parse them, replace what was there before, and answer {"books": n}.',
    ],
)
def test_posting(server: Server, draw: Draw) -> None:
    """A posted catalogue gets 201 and its number of books, and takes the old one's place."""
    old: list[Book] = []
    way = None
    for many in (3, 5, 1):
        books = new_books(draw, many)
        answer = post(server, as_xml(books))  # 2.2 tests other forms
        assert answer.status == 201
        assert answer.media_type == JSON
        assert answer.json == {"books": many}
        way = way if old else way_that_shows(server, books)
        old += books
    if way is not None:  # otherwise, 3.1 fails
        assert way(server, old) == books


@requirement(
    "2.2",
    explained_by=["2.1"],
    needs=["3.1"],
    hints=[
        "In how many ways can the same catalogue be written?",
        "XML 1.0, sections 2.5, 2.7 and 4.1: comments, CDATA sections, references. A parser knows them all.",
        "Give the parser the bytes, not a text that you have decoded. A tag in a namespace is {urn:...}book there.",
    ],
)
def test_forms_of_xml(server: Server, draw: Draw) -> None:
    """Comments, CDATA, entities, prefixes, quotes, UTF-16, and any order: all of it is read as XML."""
    read = reader(server, draw)
    books = readable(read, server, draw)
    for form, body in forms(draw, books):
        answer = post(server, body)
        assert answer.status in SUCCESS, f"a catalogue with {form} got {answer}"
        assert read(books) == books, f"the catalogue was posted with {form}"
        put_in(server, new_books(draw, 1))  # what is read next has come after this


def readable(read: Callable[[Sequence[Book]], Books], server: Server, draw: Draw) -> list[Book]:
    """Return books with texts as odd as can be read back: whether odd ones are written right is tested by 4.1."""
    for odd in (f"& <{draw.word(3)}> 'é' \"日本\"", "é 日本", draw.word(9)):
        parts = [{"title": f"{draw.word(5)} {odd}", "author": f"{draw.word(5).title()} {odd}"} for _ in range(3)]
        books = [new_book(draw, **part) for part in parts]
        put_in(server, books)
        if read(books) == books:
            break
    return books


def expect_kept(read: Callable[[Sequence[Book]], Books], old: list[Book], others: Sequence[Book]) -> None:
    """Compare what the program has with the old catalogue."""
    assert read([*old, *others]) == old, "a catalogue that is refused changes nothing"


@requirement(
    "2.3",
    explained_by=["2.1"],
    needs=["3.1"],
    hints=[
        "Where would you look for the mistake, if the server only told you that there is one?",
        "xml.etree.ElementTree.ParseError has `position`: a line and a column. RFC 9110, section 15.5.1: 400.",
        "Parse first; if that raises ParseError, answer 400 with its text, and leave the old catalogue where it is.",
    ],
)
def test_not_well_formed(server: Server, draw: Draw) -> None:
    """XML that is not well-formed gets 400 with the line and the column; the old catalogue stays."""
    with_json, read = shows_errors(server, draw), reader(server, draw)
    old, other = new_books(draw), new_book(draw, id=draw.word(), year=None, price=None)
    put_in(server, old)
    good = as_xml([other]).partition("\n")[2].partition("\n")[0]
    bad = {
        "an & alone": good.replace("<title>", "<title>& "),
        "a < alone": good.replace("<title>", "<title>< "),
        "a wrong end tag": good.replace("</title>", "</titel>"),
        "an attribute without a quote": good.replace('">', ">", 1),
    }
    for mistake, text in bad.items():
        line = draw.randrange(20, 90)
        answer = post(server, f"<catalog>{line * chr(10)}".replace("\n", "", 1) + f"{text}\n\n\n</catalog>\n")
        assert Refusal(answer, with_json=with_json) == 400
        said = error_of(answer)
        numbers = numbers_in(said)
        says_where = line in numbers and len(numbers) > 1
        assert says_where, f"{mistake} is in line {line}; the error should name it and a column, but it says {said!r}"
        expect_kept(read, old, [other])
    for text in (as_xml([other]).removesuffix("</catalog>\n"), f"{as_xml([other])}{draw.word()}", draw.word()):
        assert Refusal(post(server, text), with_json=with_json) == 400
        expect_kept(read, old, [other])


def invalid(draw: Draw) -> Iterator[tuple[str, list[Book], str]]:
    """Yield catalogues that are well-formed, but wrong: what is wrong, their books, and what the error must name."""
    for part in ("title", "author"):
        for empty in ("", "  \n "):
            books = new_books(draw, 4)
            wrong = books[2] = new_book(draw, id=draw.word(9), **{part: empty})
            yield f"a book with an empty {part}", books, wrong.id
    for empty in ("", " "):
        books = new_books(draw, 7)
        place = draw.randrange(1, 7)
        books[place] = new_book(draw, id=empty)
        yield "a book with an empty id", books, str(place + 1)
    books = new_books(draw, 4)
    books[3] = new_book(draw, id=books[1].id)
    yield "two books with one id", books, books[1].id


@requirement(
    "2.4",
    explained_by=["2.1"],
    needs=["3.1"],
    hints=[
        "A document can be XML, but no catalogue. Which book would its author have to look for?",
        "RFC 9110, section 15.5.21: 422 (Unprocessable Content): the syntax is right, the content is not.",
        "Look at the root's name and at each book before you keep anything; enumerate(books, 1) counts from 1.",
    ],
)
def test_not_a_catalogue(server: Server, draw: Draw) -> None:
    """Another root, a book without id, title or author, or two with one id get 422, which names the book."""
    with_json, read, old = shows_errors(server, draw), reader(server, draw), new_books(draw)
    put_in(server, old)
    cases = [(what, as_xml(books), name, books) for what, books, name in invalid(draw)]
    for part in ("title", "author"):
        books = new_books(draw, 3)
        wrong = as_xml(books[1:2]).split("\n")[1]
        start, end = wrong.index(f"<{part}>"), wrong.index(f"</{part}>") + len(f"</{part}>")
        cases.append(
            (f"a book without {part}", as_xml(books).replace(wrong, wrong[:start] + wrong[end:]), books[1].id, books)
        )
    books = new_books(draw, 9)
    place = draw.randrange(9)
    cases.append(("a book without id", as_xml(books).replace(f' id="{books[place].id}"', ""), str(place + 1), books))
    cases.append(("another root element", as_xml(books).replace("catalog", draw.word()), "", books))
    for what, text, name, books in cases:
        answer = post(server, text)
        assert Refusal(answer, with_json=with_json) == 422
        said = error_of(answer)
        is_named = int(name) in numbers_in(said) if name.isdecimal() else name in said
        assert is_named, f"{what}: the error should name {name!r}; it says {said!r}"
        expect_kept(read, old, books)


def with_entity(declared: str, used: str) -> str:
    """Return a catalogue that declares entities and uses one as a title."""
    book = f'<book id="b"><title>{used}</title><author>a</author></book>'
    return f'<?xml version="1.0"?>\n<!DOCTYPE catalog [\n{declared}\n]>\n<catalog>{book}</catalog>\n'


def entities(port: int, word: str) -> Iterator[str | bytes]:
    """Yield catalogues with entities: of its own, of a file, from a server, and such as grow without measure."""
    small = with_entity(f'<!ENTITY {word} "{word}">', f"&{word};")
    yield small
    yield f"\ufeff{small}".encode("utf-16-le")
    yield with_entity(f'<!ENTITY {word} SYSTEM "access.log">', f"&{word};")
    yield with_entity(f'<!ENTITY {word} SYSTEM "http://127.0.0.1:{port}/{word}">', f"&{word};")
    yield with_entity(f'<!ENTITY % {word} SYSTEM "http://127.0.0.1:{port}/{word}">\n%{word};', word)
    levels = [f'<!ENTITY {word}{level} "{f"&{word}{level - 1};" * 10}">' for level in range(1, 8)]
    yield with_entity("\n".join([f'<!ENTITY {word}0 "{"ha " * 5}">', *levels]), f"&{word}7;")
    long = 50_000
    yield with_entity(f'<!ENTITY {word} "{"x" * long}">', f"&{word};" * (EXPANDED // long))


@requirement(
    "2.5",
    explained_by=["2.1"],
    hints=[
        "Who decides which files your parser opens, and how long a text becomes?",
        "The parser does what the document type says, unless you forbid that. defusedxml's parsers refuse entities.",
        "Catch defusedxml.DefusedXmlException beside ParseError, and answer 400.",
    ],
)
def test_entities(new_server: Server, draw: Draw) -> None:
    """A document type with entities gets 400 at once; no file is read, and no memory is used."""
    server = new_server
    with_json = shows_errors(server, draw)
    put_in(server, [new_book(draw, title=draw.word(500) * 1000)])  # as long as what follows
    before = server.memory()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for body in entities(port, draw.word()):
            answer = post(server, body, patience=server.patience)
            assert Refusal(answer, with_json=with_json) == 400
        outside = f'<!DOCTYPE catalog SYSTEM "http://127.0.0.1:{port}/{draw.word()}">{as_xml(new_books(draw))}'
        post(server, outside, patience=server.patience)  # it may be taken or refused
        listener.setblocking(False)
        assert not _has_visitor(listener), "the program has followed a URL in a document type"
    assert server.memory_growth(since=before) < MOST_MEMORY


def _has_visitor(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@requirement(
    "2.6",
    explained_by=["2.1"],
    hints=[
        "When does the server know how much is about to come?",
        "RFC 9110, section 15.5.14: 413 (Content Too Large). Content-Length comes before the body.",
        "Compare Content-Length before you read a single byte; answer 413, and close the connection.",
    ],
)
def test_too_large(server: Server, draw: Draw) -> None:
    """More than 10 MiB gets 413 at once, also if it is only announced; 8 MiB are taken."""
    with_json = shows_errors(server, draw)
    for size in (MOST + 1, 11 * MIB, (1 << 32) + 100):
        answer = server.announce("/catalog", {"Content-Type": XML, "Content-Length": str(size)})
        assert Refusal(answer, with_json=with_json) == 413
    text = draw.word(1000)
    many, length = 20, 8 * MIB // 20
    books = [new_book(draw, id=f"b{place}", title=(text * 420)[: length - 200]) for place in range(many)]
    answer = post(server, as_xml(books, mark=str))
    assert answer.status in SUCCESS
    assert answer.json == {"books": many}
    answer = server.get(path_of(books[0].id))
    if is_document(answer, "book"):  # otherwise, 3.4 fails
        titles = [book.title for book in books_in(answer, "book").books]
        assert titles == [books[0].title], "a text was cut"
    body = as_xml([new_book(draw, title=text * 10_400)], mark=str)
    assert Refusal(post(server, f"{body}{' ' * (MOST + 1 - len(body))}"), with_json=with_json) == 413
    put_in(server, new_books(draw))


@requirement(
    "2.7",
    explained_by=["2.1", "2.3", "2.4", "2.6", "3.1", "3.2"],
    hints=[
        "What does somebody see who reads just while you put the new books in place, one after the other?",
        "Two requests run at the same time, in two threads. An assignment is done at once; a loop is not.",
        "Build the whole new catalogue beside the old one. When nothing can fail any more, assign it to the name.",
    ],
)
def test_never_half(server: Server, draw: Draw) -> None:
    """While catalogues are posted and fail, all who read get the old or the new one, whole."""
    mark = draw.word(9)
    catalogues = [_large(draw, mark, letters) for letters in (LETTERS, LETTERS, LONGER)]
    bodies = [as_xml(books, mark=str) for books in catalogues]
    ends = [[books[0], books[-1]] for books in catalogues]
    put_in(server, catalogues[0])
    enough = time.monotonic() + SECONDS
    for turn in range(ROUNDS):
        if turn >= LEAST_ROUNDS and time.monotonic() > enough:
            break  # a slow program had as much time to be caught as a fast one
        old, new = turn % len(catalogues), (turn + 1) % len(catalogues)
        bad = bodies[new].replace("</catalog>", ("<", as_xml(catalogues[new][:1]).partition("\n")[2])[turn % 2])
        for body in (bad, bodies[new]) if turn % 5 == 0 else (bodies[new],):
            answer, read = _read_meanwhile(server, body, mark, whole=turn % 9 == 3)  # both are short
            is_good = body is not bad
            for books in read:
                seen = [book for book in books.books if mark in book.author]
                is_whole = not books.problem and seen in (ends[old], ends[new if is_good else old])
                assert is_whole, f"half a catalogue was seen: {books.problem or shown(seen)}"
            given((answer.status in SUCCESS) == is_good, f"POST /catalog got {answer}")


def _large(draw: Draw, mark: str, letters: int) -> list[Book]:
    """Return many books with long titles; only the first and the last author have the mark in their names."""
    text, name = draw.word(letters), draw.word(4)
    books = [new_book(draw, id=f"{name}{place}", title=f"{text} {place}") for place in range(MANY)]
    for place in (0, -1):
        books[place] = new_book(draw, id=books[place].id, author=f"{mark} {draw.word()}")
    return books


def _read_meanwhile(server: Server, body: str, mark: str, *, whole: bool) -> tuple[Answer, list[Books]]:
    """Post a catalogue, and read until that is answered."""
    data = body.encode()
    read = []
    with server.connect() as poster:
        poster.send(server.head_of("POST", "/catalog", {"Content-Type": XML, "Content-Length": str(len(data))}) + data)
        while True:
            read.append(books_in(server.get("/catalog" if whole else f"/catalog?author={mark}")))
            if poster.so_far():
                return poster.read_answer("POST"), read
