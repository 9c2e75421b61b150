"""The parts of an HTTP answer; each can explain a failed comparison."""

from __future__ import annotations

import re
from typing import Protocol

from labcheck.program.evidence import BrokenOff, Mismatch, differs
from labcheck.record.text import shorten, show_bytes

CLIENT_ERROR = range(400, 500)  # status codes for errors in the request (RFC 9110, section 15.5)


class Origin(Protocol):
    """The answer that a part belongs to; `str()` summarizes it."""

    body_bytes: bytes

    @property
    def broke_off(self) -> bool:
        """Whether the server seems to have failed while it sent the answer."""
        ...


def _mismatch(expected: str, received: str, answer: Origin) -> Mismatch:
    return _of(Mismatch(expected, received), answer)


def _of(mismatch: Mismatch, answer: Origin) -> Mismatch:
    return BrokenOff(*mismatch) if answer.broke_off else mismatch


def _not_in(answer: Origin, expected: str) -> Mismatch:
    """Explain that the body of an answer is not what was expected."""
    return _mismatch(expected, str(answer) if answer.body_bytes else f"{answer}; the body is empty", answer)


class Status(int):
    """The status code of an answer."""

    answer: Origin

    def __new__(cls, code: int, answer: Origin) -> Status:
        self = super().__new__(cls, code)
        self.answer = answer
        return self

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which status was expected, and summarize the answer."""
        return _mismatch(_status(operator, wanted), str(self.answer), self.answer)


class HeaderValue(str):
    """The value of a header field; `missing` marks an empty value that stands for a missing field.

    `others` are the names of the fields that came, for the report of a missing one.
    """

    name: str
    missing: bool
    others: tuple[str, ...]

    def __new__(cls, value: str, name: str, *, missing: bool = False, others: tuple[str, ...] = ()) -> HeaderValue:
        self = super().__new__(cls, value)
        self.name = name
        self.missing = missing
        self.others = others
        return self

    @property
    def came(self) -> str:
        """The field as it came, or that it did not."""
        if not self.missing:
            return f"{self.name}: {shorten(self)}"
        return f"no {self.name}" + (f"; the fields are {shorten(', '.join(self.others))}" if self.others else "")

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which value was expected, and show the one that arrived."""
        return Mismatch(f"{'not ' if operator == '!=' else ''}{self.name}: {wanted}", self.came)


PIECE = re.compile(r'"(?:[^"\\]|\\.)*"?|,|[^",]+')  # of a list: a quoted string, a comma, or what is between them


class Directives(dict[str, str]):
    """The items of a field that is a list, such as Cache-Control (RFC 9110, section 5.6.1): lower case, with arguments.

    `assert "no-store" in answer.directives("Cache-Control")`. An item without an argument has the argument "".
    """

    def __init__(self, value: HeaderValue) -> None:
        super().__init__(pair for item in items(value) if (pair := _directive(item))[0])
        self._value = value

    def __repr__(self) -> str:
        return "<directives>"

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which item was expected, and show the field that arrived."""
        return Mismatch(
            f"{self._value.name} {'without' if operator == 'not in' else 'with'} {wanted}", self._value.came
        )


def items(value: str) -> list[str]:
    """Return the items of a list; a comma in a quoted string is a part of its item."""
    items = [""]
    for piece in PIECE.findall(value):
        if piece == ",":
            items.append("")
        else:
            items[-1] += piece
    return items


def _directive(item: str) -> tuple[str, str]:
    """Return the name of an item, in lower case, and its argument, without quotation marks and parameters."""
    name, _, argument = item.partition("=")
    name, parameters, _ = name.partition(";")  # as in gzip;q=0.5
    argument = "" if parameters else argument.strip()
    if argument.startswith('"'):
        argument = re.sub(r"\\(.)", r"\1", argument.strip('"'))
    return name.strip().lower(), argument


class MediaType(str):
    """The media type that an answer declares; empty if it declares none."""

    declared: str | None

    def __new__(cls, value: str, declared: str | None) -> MediaType:
        self = super().__new__(cls, value)
        self.declared = declared
        return self

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which type was expected, and show the Content-Type that arrived."""
        names = " or ".join(map(str, wanted)) if isinstance(wanted, tuple) else wanted
        came = "no Content-Type" if self.declared is None else f"Content-Type: {shorten(self.declared)}"
        return Mismatch(f"Content-Type: {names}", came)


class Body(bytes):
    """The body of an answer; its first `announced` bytes are equal to the same bytes as the whole."""

    answer: Origin
    announced: int | None

    def __new__(cls, value: bytes, answer: Origin, announced: int | None = None) -> Body:
        self = super().__new__(cls, value)
        self.answer = answer
        self.announced = announced
        return self

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) or (self.announced is not None and self[: self.announced] == other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return super().__hash__()

    def __repr__(self) -> str:
        return "<body>"  # pytest puts it into its own messages, which are not shown

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which bytes were expected, and show the answer, or the first difference."""
        mine = f"{len(self):,} bytes: {show_bytes(self)}"
        if not isinstance(wanted, bytes):
            return Mismatch(repr(wanted), mine)
        if operator in ("in", "not in"):
            return Mismatch(f"a body {'with' if operator == 'in' else 'without'} the bytes {wanted!r}", mine)
        if not wanted:
            return Mismatch("no body", mine)
        expected = f"{len(wanted):,} bytes: {show_bytes(wanted)}"
        if self[:1] != wanted[:1]:
            return _not_in(self.answer, expected)
        received = f"{len(self):,} bytes"
        one_newline = wanted.replace(b"\r\n", b"\n")
        if self in (one_newline, one_newline.replace(b"\r", b"\n")):
            received += "; 0d 0a became 0a: the file was opened in text mode"
        elif wanted.startswith(self):
            received += "; they are right, the rest is missing"
        titles = f"{len(wanted):,} bytes:", f"{received}:"
        return _of(differs(wanted, bytes(self), titles), self.answer)


class Early(str):
    """The first line of an answer that came before it should, or what came instead; empty if nothing has come."""

    def __repr__(self) -> str:
        return "<early>"

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say that no answer was expected yet, and show the one that came; an exception may have led to it."""
        del operator, wanted
        return BrokenOff("no answer yet: the request waits", shorten(self))


class Shown:
    """The text that a reader sees on a page: character references decoded, with and without the tags."""

    def __init__(self, views: tuple[str, ...], answer: Origin) -> None:
        self.views = views
        self.answer = answer

    def __contains__(self, text: str) -> bool:
        return any(text in view for view in self.views)

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which text was expected, and summarize the answer."""
        kind = "without" if operator == "not in" else "that shows"
        return _not_in(self.answer, f"a page {kind} {shorten(str(wanted))}")


class Source(str):
    """A page as it arrived, including the markup; `sent` is the same, also if this one is in lower case."""

    answer: Origin
    sent: str

    def __new__(cls, value: str, answer: Origin, sent: str | None = None) -> Source:
        self = super().__new__(cls, value)
        self.answer = answer
        self.sent = value if sent is None else sent
        return self

    def __repr__(self) -> str:
        return "<source>"  # pytest puts it into its own messages, which are not shown

    @property
    def folded(self) -> Source:
        """The same page in lower case, for comparisons of markup."""
        lower = self.lower()
        if len(lower) != len(self):  # a few letters become two
            lower = "".join(low if len(low := letter.lower()) == 1 else letter for letter in self)
        return Source(lower, self.answer, self.sent)

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which text was expected or forbidden; show where it is, or else summarize the answer."""
        text = str(wanted)
        place = self.find(text) if text else -1
        shown = text if place < 0 else self.sent[place : place + len(text)]
        expected = f"a page {'without' if operator == 'not in' else 'with'} {shorten(shown)} in its source"
        if place < 0:
            return _not_in(self.answer, expected)
        around = " ".join(self.sent[max(0, place - 30) : place + len(text) + 30].split())
        return Mismatch(expected, f"a page with … {around} …")


class Numbers(frozenset[int]):
    """The numbers on a page."""

    answer: Origin

    def __new__(cls, values: frozenset[int], answer: Origin) -> Numbers:
        self = super().__new__(cls, values)
        self.answer = answer
        return self

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which numbers were expected, and summarize the answer."""
        names = sorted(wanted) if isinstance(wanted, set | frozenset) else [wanted]
        return _not_in(self.answer, f"the numbers {' and '.join(map(str, names))}")


def _status(operator: str, wanted: object) -> str:
    if isinstance(wanted, range):
        return f"a status from {wanted.start} to {wanted.stop - 1}"
    if isinstance(wanted, tuple | list):
        *others, last = ["a closed connection" if each is None else str(each) for each in wanted]
        return f"status {', '.join(others)} or {last}" if others else f"status {last}"
    return f"{'not ' if operator == '!=' else ''}status {wanted}"
