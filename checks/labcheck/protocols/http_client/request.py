"""A request that labcheck's server got, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from labcheck.program.evidence import Mismatch
from labcheck.protocols.http.evidence import HeaderValue, items

if TYPE_CHECKING:
    from collections.abc import Sequence

Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Request:
    """A request: `method`, `target` and `version` are from its first line, `fields` are its header fields in order."""

    method: str
    target: str
    version: str
    fields: Sequence[tuple[str, str]] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.target}"

    @property
    def key(self) -> Key:
        """What it asks for: the path without percent-encoding, and the pairs of the query."""
        return key_of(self.target)

    def field(self, name: str) -> HeaderValue:
        """Return the value of a header field, no matter how its name is written; empty if it is missing."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        others = tuple(dict.fromkeys(name for name, _ in self.fields))
        return HeaderValue(", ".join(values), name, missing=not values, others=others)

    @cached_property
    def codings(self) -> Codings:
        """The codings that the client accepts: `assert "gzip" in request.codings`."""
        return Codings(self.field("Accept-Encoding"))


class Codings(frozenset[str]):
    """The codings in Accept-Encoding (RFC 9110, section 12.5.3), in lower case, without those with the weight 0."""

    value: HeaderValue

    def __new__(cls, value: HeaderValue) -> Codings:
        self = super().__new__(cls, (name for item in items(value) if (name := _accepted(item))))
        self.value = value
        return self

    def __repr__(self) -> str:
        return "<codings>"

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which coding was expected, and show the field that came."""
        return Mismatch(f"Accept-Encoding {'without' if operator == 'not in' else 'with'} {wanted}", self.value.came)


def _accepted(item: str) -> str:
    """Return the name of a coding, unless it is refused: `gzip;q=0`."""
    name, _, weight = item.partition(";")
    return "" if re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight, re.IGNORECASE) else name.strip().lower()


class Requests(tuple[Request, ...]):
    """The requests for a page, in order. Compare their number: `assert page.requests.number == 1`."""

    @property
    def number(self) -> Number:
        """How many there are."""
        return Number(self)


class Number(int):
    """A number of requests."""

    requests: Requests

    def __new__(cls, requests: Requests) -> Number:
        self = super().__new__(cls, len(requests))
        self.requests = requests
        return self

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say how many requests were expected, and list those that came."""
        words = {"==": "", "<=": "at most ", ">=": "at least ", ">": "more than ", "<": "fewer than ", "!=": "not "}
        came = f": {', '.join(map(str, self.requests[:3]))}{', ...' * (self > 3)}" if self else ""
        return Mismatch(f"{words.get(operator, '')}{_many(wanted)}", f"{_many(int(self))}{came}")


def _many(number: object) -> str:
    return "no request" if number == 0 else f"{number} request{'s' * (number != 1)}"


def key_of(target: str) -> Key:
    """Return what a target, or a URL, asks for: two that differ in their encoding only are the same.

    A fragment is part of a URL only: a client does not send it (RFC 9110, section 7.1).
    """
    is_url = "://" in target.partition("?")[0]
    try:
        parts = urlsplit(target if is_url else f"//host{target}", allow_fragments=is_url)
    except ValueError:  # a client may send anything
        return target, ()
    return unquote(parts.path) or "/", tuple(parse_qsl(parts.query, keep_blank_values=True))
