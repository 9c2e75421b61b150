"""What the checks of the catalogue share: posting, reading back, errors."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from labcheck.suite import given
from labcheck.suites.json_errors import ERROR, JSON
from labcheck.suites.lab5.catalogue import XML, Books, as_xml, books_in, new_book

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labcheck.suite import Answer, Draw, Server
    from labcheck.suites.lab5.catalogue import Book

Way: TypeAlias = "Callable[[Server, Sequence[Book]], Books]"
SUCCESS = range(200, 300)


def shows_errors(server: Server, draw: Draw) -> bool:
    """Return whether the error for an unknown path is right, which requirement 3.4 tests: then others are, too."""
    answer = server.get(f"/{draw.word()}")
    return answer.media_type == JSON and answer.json == ERROR


def post(server: Server, body: str | bytes, *, patience: float | None = None) -> Answer:
    """Post a catalogue."""
    return server.request("POST", "/catalog", {"Content-Type": XML}, body, patience=patience)


def put_in(server: Server, books: Sequence[Book]) -> None:
    """Post a catalogue; a check that needs one does not run if that is refused."""
    answer = post(server, as_xml(books))
    given(answer.status in SUCCESS, f"POST /catalog got {answer}")


def path_of(id: str) -> str:
    """Return the path of a book."""
    return f"/catalog/{quote(id)}"


def _by_catalogue(server: Server, books: Sequence[Book]) -> Books:
    """Return all books that the program has, in the order of the given ones: their own is the subject of 3.1."""
    found, ids = books_in(server.get("/catalog")), [book.id for book in books]
    found.books.sort(key=lambda book: ids.index(book.id) if book.id in ids else len(ids))
    return found


def _by_id(server: Server, books: Sequence[Book]) -> Books:
    """Return those of the books that the program has, each as the program has it."""
    found: list[Book] = []
    for id in dict.fromkeys(book.id for book in books if book.id.strip()):
        answer = server.get(path_of(id))
        if answer.status == 404:
            continue
        one = books_in(answer, "book")
        if one.problem:
            return one
        found += one.books
    return Books(found)


def way_that_shows(server: Server, books: Sequence[Book]) -> Way | None:
    """Return a way to see that the program has just these books; None if there is no such way.

    GET /catalog is the usual one, but may be wrong, which requirement 3.1 tests; then the books are read one by one.
    """
    return next((way for way in (_by_catalogue, _by_id) if way(server, books) == list(books)), None)


def reader(server: Server, draw: Draw) -> Callable[[Sequence[Book]], Books]:
    """Return a function that reads back what the program has; its argument lists all books that it may have.

    A check that needs it does not run if nothing shows what the program has.
    """
    # With and without what may be missing: a mistake in writing that shows now would show in some other check later.
    parts: list[dict[str, Any]] = [{"year": None, "price": None}]
    parts += [{"year": 1984, "price": "9.50", "currency": currency} for currency in ("EUR", "JPY")]
    books = [new_book(draw, id=f"{draw.word()}{place}", **each) for place, each in enumerate(parts)]
    put_in(server, books)
    way = way_that_shows(server, books)
    given(way, "neither GET /catalog nor GET /catalog/ID shows what was posted")
    assert way is not None
    return partial(way, server)


def error_of(answer: Answer) -> str:
    """Return the text of an error, in JSON or not: its form is tested elsewhere."""
    found = answer.json.get("error")
    return found if isinstance(found, str) else answer.body.decode("utf-8", "replace")


def numbers_in(text: str) -> list[int]:
    """Return the numbers in a text, as often as they are in it."""
    return [int(number) for number in re.findall(r"\d{1,9}", text)]
