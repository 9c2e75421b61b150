"""What the checks of the service share: books on it, the form of an error, redirects, dates."""

from __future__ import annotations

import re
from contextlib import suppress
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from labcheck.suite import Mismatch, given
from labcheck.suites.json_errors import ERROR, JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labcheck.suite import Answer, Draw, Server
    from labcheck.suites.lab4.material import Book

GZIP = {"Accept-Encoding": "gzip"}
DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")  # RFC 9110, section 5.6.7
NO_DATE = -1.0  # the moment of what is no date of HTTP
LARGE = 1000  # letters of a title: with them, every answer with this book has more than 1 KiB


def shows_errors(server: Server, draw: Draw) -> bool:
    """Return whether the error for an unknown id is right, which requirement 1.2 tests: then others are, too."""
    answer = server.get(f"/books/{draw.randrange(10**6, 10**9)}")
    return answer.media_type == JSON and answer.json == ERROR


def books(server: Server) -> Any:
    """Return the list of all books; a check that needs one does not run without it."""
    answer = server.get("/books")
    found = answer.json.value
    is_list = isinstance(found, list) and all(isinstance(each, dict) and type(each.get("id")) is int for each in found)
    given(answer.status == 200 and is_list, f"GET /books got {answer}, and that is no list of books")
    return found


def add(server: Server, book: Book) -> int:
    """Add a book, and return its id; a check that needs one does not run without it."""
    answer = server.request("POST", "/books", json=book)
    id = answer.json.get("id")
    given(answer.status == 201 and type(id) is int, f"POST /books got {answer}")
    return int(id)


def replace(server: Server, id: int, book: Book) -> None:
    """Replace a book; a check that needs that does not run without it."""
    answer = server.request("PUT", f"/books/{id}", json=book)
    given(answer.status == 200, f"PUT /books/{id} got {answer}")


def delete(server: Server, id: int) -> None:
    """Delete a book; a check that needs that does not run without it."""
    answer = server.request("DELETE", f"/books/{id}")
    given(answer.status == 204, f"DELETE /books/{id} got {answer}")


def get(server: Server, target: str, fields: Mapping[str, str] | None = None) -> Answer:
    """Return the answer to a GET that must be 200: a check does not run without it."""
    answer = server.request("GET", target, fields)
    given(answer.status == 200, f"GET {target} got {answer}")
    return answer


def tag(answer: Answer) -> str:
    """Return the tag of an answer; a check that needs one does not run without it."""
    given(answer.field("ETag"), f"the answer has {answer.field('ETag').came}")
    return answer.field("ETag")


class Named(str):
    """The value of a header field that is one word, in small letters; `came` is the field as it came."""

    came: str

    def __new__(cls, answer: Answer, name: str) -> Named:
        field = answer.field(name)
        self = super().__new__(cls, field.strip().lower())
        self.came = field.came
        return self

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which word was expected, and show the field that came."""
        words = [str(each) for each in wanted] if isinstance(wanted, tuple) else [str(wanted)]
        expected = " or ".join(f"Content-Encoding: {word}" if word else "no Content-Encoding" for word in words)
        return Mismatch(f"{'not ' if operator == '!=' else ''}{expected}", self.came)


def coding(answer: Answer) -> Named:
    """Return the coding of an answer's body: `gzip`, or empty."""
    return Named(answer, "Content-Encoding")


class Methods(frozenset[str]):
    """The methods that Allow names; get is not GET (RFC 9110, section 9.1)."""

    came: str

    def __new__(cls, answer: Answer) -> Methods:
        self = super().__new__(cls, (name.strip() for name in answer.field("Allow").split(",")))
        self.came = answer.field("Allow").came
        return self

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which method was expected, and show the field that came."""
        return Mismatch(f"Allow {'without' if operator == 'not in' else 'with'} {wanted}", self.came)


class Place(str):
    """Where a redirect leads: path and query, and the host if it is another one than that of the request."""

    came: str

    def __new__(cls, server: Server, answer: Answer, target: str) -> Place:
        location, own = answer.field("Location"), f"localhost:{server.port}"
        place = str(location)
        with suppress(ValueError):  # it is no URL
            parts = urlsplit(urljoin(f"http://{own}{target}", location))
            # Upper and lower case are the same in a scheme and in a host (RFC 3986, section 6.2.2.1).
            if location and (parts.scheme, parts.netloc.lower()) == ("http", own):
                place = f"{parts.path}{'?' if parts.query else ''}{parts.query}"
        self = super().__new__(cls, place)
        self.came = location.came
        return self

    @property
    def path(self) -> Place:
        """The place without its query."""
        return self._with(self.partition("?")[0])

    @property
    def query(self) -> list[tuple[str, str]]:
        """The pairs of its query, in order."""
        return parse_qsl(self.partition("?")[2], keep_blank_values=True)

    def _with(self, text: str) -> Place:
        other = str.__new__(Place, text)
        other.came = self.came
        return other

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say where it should lead, and show the field that came."""
        del operator
        return Mismatch(f"Location: {wanted}", self.came)


class Moment(float):
    """A moment in seconds since 1970, from a date in a header field."""

    came: str

    def __new__(cls, answer: Answer, name: str = "Last-Modified") -> Moment:
        field = answer.field(name)
        given(field, f"the answer has {field.came}")
        try:
            found = parsedate_to_datetime(field).timestamp() if DATE.fullmatch(field) else NO_DATE
        except ValueError:
            found = NO_DATE
        self = super().__new__(cls, found)
        self.came = field.came
        return self

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which date was expected, and show the one that came."""
        words = {"<=": "not after ", ">=": "not before ", ">": "after ", "<": "before ", "!=": "another date than "}
        if self == NO_DATE:
            return Mismatch(f"a date such as {formatdate(usegmt=True)} (RFC 9110, section 5.6.7)", self.came)
        date = formatdate(float(wanted), usegmt=True) if isinstance(wanted, int | float) else str(wanted)
        return Mismatch(f"{words.get(operator, '')}{date}", self.came)
