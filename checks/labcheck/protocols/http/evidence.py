"""The parts of an HTTP answer; each can explain a failed comparison."""

from __future__ import annotations

from labcheck.program.evidence import Mismatch
from labcheck.record.text import shorten, show_bytes

CLIENT_ERROR = range(400, 500)  # status codes for errors in the request (RFC 9110, section 15.5)


class Status(int):
    """The status code of an answer."""

    answer: object

    def __new__(cls, code: int, answer: object) -> Status:
        self = super().__new__(cls, code)
        self.answer = answer
        return self

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which status was expected, and summarize the answer."""
        return Mismatch(_status(operator, wanted), str(self.answer))


class HeaderValue(str):
    """The value of a header field; `missing` marks an empty value that stands for a missing field."""

    name: str
    missing: bool

    def __new__(cls, value: str, name: str, *, missing: bool = False) -> HeaderValue:
        self = super().__new__(cls, value)
        self.name = name
        self.missing = missing
        return self

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which value was expected, and show the one that arrived."""
        came = f"no {self.name}" if self.missing else f"{self.name}: {shorten(self)}"
        return Mismatch(f"{'not ' if operator == '!=' else ''}{self.name}: {wanted}", came)


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

    answer: object
    announced: int | None

    def __new__(cls, value: bytes, answer: object, announced: int | None = None) -> Body:
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
        common = next(
            (i for i, (a, b) in enumerate(zip(self, wanted, strict=False)) if a != b), min(len(self), len(wanted))
        )
        if common == 0:
            return Mismatch(expected, str(self.answer))
        rest = show_bytes(self[common:])
        differs = f"the first difference is at byte {common:,}: {rest}"
        one_newline = wanted.replace(b"\r\n", b"\n")
        if self in (one_newline, one_newline.replace(b"\r", b"\n")):
            differs += "; 0d 0a became 0a: the file was opened in text mode"
        return Mismatch(expected, f"{len(self):,} bytes; {differs}")


class Shown:
    """The text that a reader sees on a page: character references decoded, with and without the tags."""

    def __init__(self, views: tuple[str, ...], answer: object) -> None:
        self.views = views
        self.answer = answer

    def __contains__(self, text: str) -> bool:
        return any(text in view for view in self.views)

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which text was expected, and summarize the answer."""
        kind = "without" if operator == "not in" else "that shows"
        return Mismatch(f"a page {kind} {shorten(str(wanted))}", str(self.answer))


class Source(str):
    """A page as it arrived, including the markup."""

    answer: object

    def __new__(cls, value: str, answer: object) -> Source:
        self = super().__new__(cls, value)
        self.answer = answer
        return self

    def __repr__(self) -> str:
        return "<source>"  # pytest puts it into its own messages, which are not shown

    @property
    def folded(self) -> Source:
        """The same page in lower case, for comparisons of markup."""
        return Source(self.lower(), self.answer)

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which text was expected or forbidden; show where it is, or else summarize the answer."""
        text = str(wanted)
        expected = f"a page {'without' if operator == 'not in' else 'with'} {shorten(text)} in its source"
        place = self.find(text) if text else -1
        if place < 0:
            return Mismatch(expected, str(self.answer))
        around = " ".join(self[max(0, place - 30) : place + len(text) + 30].split())
        return Mismatch(expected, f"a page with … {around} …")


class Numbers(frozenset[int]):
    """The numbers on a page."""

    answer: object

    def __new__(cls, values: frozenset[int], answer: object) -> Numbers:
        self = super().__new__(cls, values)
        self.answer = answer
        return self

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which numbers were expected, and summarize the answer."""
        names = sorted(wanted) if isinstance(wanted, set | frozenset) else [wanted]
        return Mismatch(f"the numbers {' and '.join(map(str, names))}", str(self.answer))


def _status(operator: str, wanted: object) -> str:
    if isinstance(wanted, range):
        return f"a status from {wanted.start} to {wanted.stop - 1}"
    if isinstance(wanted, tuple | list):
        *others, last = ["a closed connection" if each is None else str(each) for each in wanted]
        return f"status {', '.join(others)} or {last}" if others else f"status {last}"
    return f"{'not ' if operator == '!=' else ''}status {wanted}"
