"""Books, the XML in which they are posted, and what is read from an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from labcheck.suite import Mismatch, differs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from xml.etree.ElementTree import Element

    from labcheck.suite import Answer, Draw

NAMESPACE = "urn:labcheck:books"
XML = "application/xml"


@dataclass(frozen=True)
class Book:
    """A book of the catalogue."""

    id: str
    title: str
    author: str
    year: int | None = None
    price: str | None = None
    currency: str | None = None

    def __str__(self) -> str:
        year = "" if self.year is None else f", {self.year}"
        price = "" if self.price is None else f", {self.price} {self.currency}"
        return f"{self.id}: {self.title!r} by {self.author!r}{year}{price}"


def new_book(draw: Draw, **parts: Any) -> Book:
    """Return a random book; `parts` replace those that are drawn. Without a price it has no currency."""
    price = {"price": f"{draw.randrange(100)}.{draw.randrange(10, 100)}", "currency": draw.choice(["EUR", "JPY"])}
    book = Book(
        draw.word(7),
        f"{draw.word().title()} {draw.word(5)}",
        f"{draw.word(6).title()} {draw.word().title()}",
        draw.choice([None, draw.randrange(1450, 2030)]),
        **draw.choice([{}, price]),
    )
    book = replace(book, **parts)
    return book if book.price else replace(book, currency=None)


def new_books(draw: Draw, many: int = 4) -> list[Book]:
    """Return random books with different ids."""
    return [new_book(draw, id=f"{draw.word(5)}{place}") for place in range(many)]


def as_xml(
    books: Sequence[Book],
    *,
    namespace: str = "",
    prefix: str = "",
    mark: Callable[[str], str] = escape,
    backwards: bool = False,
) -> str:
    """Return a catalogue as a document without a declaration.

    `mark` makes markup of a text. `prefix` stands for the namespace. `backwards`: the elements of a book are in the
    other order.
    """
    name = f"{prefix}:" if prefix else ""
    declared = f' xmlns{":" if prefix else ""}{prefix}="{namespace}"' if namespace else ""
    parts = []
    for book in books:
        inside = [f"<{name}title>{mark(book.title)}</{name}title>", f"<{name}author>{mark(book.author)}</{name}author>"]
        if book.year is not None:
            inside.append(f"<{name}year>{book.year}</{name}year>")
        if book.price is not None:
            inside.append(f"<{name}price currency={quoteattr(book.currency or '')}>{book.price}</{name}price>")
        inside = inside[::-1] if backwards else inside
        parts.append(f"<{name}book id={quoteattr(book.id)}>{''.join(inside)}</{name}book>\n")
    return f"<{name}catalog{declared}>\n{''.join(parts)}</{name}catalog>\n"


def forms(draw: Draw, books: Sequence[Book]) -> Iterator[tuple[str, bytes]]:
    """Yield a catalogue in other forms that mean the same (requirement 2.2), each with what is special about it."""
    namespace = draw.choice(["", NAMESPACE])

    def put(mark: Callable[[str], str]) -> bytes:
        return as_xml(books, namespace=namespace, mark=mark).encode()

    def commented(text: str) -> str:
        return f"{escape(text[:3])}<!-- <b> & {draw.word(3)} -->{escape(text[3:])}"

    def as_numbers(text: str) -> str:
        return "".join(f"&#{ord(each)};" if place % 2 else f"&#x{ord(each):X};" for place, each in enumerate(text))

    around = f"<!-- <book id='{draw.word()}'> -->\n"
    plain = as_xml(books, namespace=namespace)
    yield "comments in texts", put(commented)
    yield "comments between books", f"{around}{plain.replace('<book', f'{around}<book')}{around}".encode()
    yield "texts in CDATA sections", put(lambda text: f"<![CDATA[{text}]]>")
    yield (
        "texts partly in CDATA sections",
        put(lambda text: f"{escape(text[:2])}<![CDATA[{text[2:-2]}]]>{escape(text[-2:])}"),
    )
    yield "character references", put(as_numbers)
    yield "the five entities of XML", put(lambda text: escape(text, {'"': "&quot;", "'": "&apos;"}))
    yield "blanks and line ends around texts", put(lambda text: f"\n   {escape(text)} \r\n ")
    yield "blanks in tags", plain.replace(" id=", "\n  id = ").replace("</title>", "</title\n>").encode()
    yield "single quotes", plain.replace('="', "='").replace('">', "'>").encode()
    yield "other order", as_xml(books, namespace=namespace, backwards=True).encode()
    prefix = draw.word(4)
    yield "a prefix for the namespace", as_xml(books, namespace=NAMESPACE, prefix=prefix).encode()
    declared = f' xmlns:{prefix}="{NAMESPACE}"'
    each = as_xml(books, namespace=NAMESPACE, prefix=prefix).replace(declared, "", 1)
    each = each.replace(f"<{prefix}:book ", f"<{prefix}:book{declared} ").replace("catalog>", f"catalog{declared}>", 1)
    yield "the namespace declared at each book", each.encode()
    yield "a declaration", f'<?xml version="1.0" encoding="UTF-8"?>\n{plain}'.encode()
    yield "UTF-8 with a byte order mark", plain.encode("utf-8-sig")
    yield "UTF-16, with a declaration", f'<?xml version="1.0" encoding="UTF-16"?>\n{plain}'.encode("utf-16")
    yield "UTF-16, little-endian", b"\xff\xfe" + plain.encode("utf-16-le")
    yield "UTF-16, big-endian", b"\xfe\xff" + plain.encode("utf-16-be")


class Books:
    """The books in an answer. It equals a list of books; `problem` says why no book can be read."""

    def __init__(self, books: Sequence[Book] = (), problem: str = "") -> None:
        self.books = list(books)
        self.problem = problem

    def __eq__(self, wanted: object) -> bool:
        return not self.problem and self.books == wanted

    def __hash__(self) -> int:
        return hash(tuple(self.books))

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which books were expected, and where those that came differ."""
        del operator
        books = wanted if isinstance(wanted, list) else []
        if self.problem:
            return Mismatch(f"XML with {in_words(len(books))}", self.problem)
        if not books or not self.books:
            return Mismatch(shown(books), shown(self.books))
        wanted_text, came = ("\n".join(map(str, each)) for each in (books, self.books))
        return differs(wanted_text, came, (f"{in_words(len(books))}:", f"{in_words(len(self.books))}:"))


def in_words(number: int) -> str:
    """Return a number of books in words."""
    return {0: "no book", 1: "one book"}.get(number, f"{number} books")


def shown(books: Sequence[Book]) -> str:
    """Return the first books in words, and how many more there are."""
    return "; ".join(map(str, books[:3])) + (f" and {len(books) - 3} more" if len(books) > 3 else "") or "no book"


def local(element: Element) -> str:
    """Return the name of an element, without the namespace if that is the catalogue's."""
    return element.tag.removeprefix(f"{{{NAMESPACE}}}")


def is_document(answer: Answer, root: str) -> bool:
    """Return whether an answer should be a document with this root: it is, or it is not well-formed."""
    is_xml = answer.status == 200 and answer.media_type == XML
    return is_xml and (answer.xml.root is None or local(answer.xml.root) == root)


def books_in(answer: Answer, root: str = "catalog") -> Books:
    """Return the books in an answer whose outermost element is `root`: all of a catalogue, or one `book`."""
    if answer.status != 200:
        return Books(problem=str(answer))
    if answer.media_type != XML:
        return Books(problem=f"Content-Type: {answer.media_type or 'missing'}; expected {XML}")
    found = answer.xml
    if found.root is None:
        return Books(problem=found.problem)
    if local(found.root) != root:
        return Books(problem=f"the outermost element is {found.root.tag}; expected {root}")
    elements = [found.root] if root == "book" else [each for each in found.root if local(each) == "book"]
    return Books([_book(element) for element in elements])


def _book(element: Element) -> Book:
    parts = {local(child): child for child in element}
    texts = {name: "".join(child.itertext()).strip() for name, child in parts.items()}
    year = texts.get("year")
    return Book(
        element.get("id", ""),
        texts.get("title", ""),
        texts.get("author", ""),
        int(year) if year and year.removeprefix("-").isdecimal() and len(year) < 10 else None,
        texts.get("price"),
        parts["price"].get("currency") if "price" in parts else None,
    )
