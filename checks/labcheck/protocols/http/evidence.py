"""What an answer of an HTTP server can say of itself when a check compares it."""

from __future__ import annotations

from labcheck.program.evidence import shorten, show_bytes

CLIENT_ERROR = range(400, 500)  # RFC 9110, section 15.5: the request is at fault


class Status(int):
    """A status code of an answer."""

    answer: object

    def __new__(cls, code: int, answer: object) -> Status:
        self = super().__new__(cls, code)
        self.answer = answer
        return self

    def expected(self, operator: str, wanted: object) -> str:
        """Say which status was expected."""
        if isinstance(wanted, range):
            return f"a status from {wanted.start} to {wanted.stop - 1}"
        if isinstance(wanted, tuple | list):
            *others, last = ["a closed connection" if each is None else str(each) for each in wanted]
            return f"status {', '.join(others)} or {last}" if others else f"status {last}"
        return f"{'not ' if operator == '!=' else ''}status {wanted}"

    def received(self) -> str:
        """Show the whole answer in a line."""
        return str(self.answer)


class HeaderValue(str):
    """The value of a header field; an empty one that is missing says so."""

    name: str
    missing: bool

    def __new__(cls, value: str, name: str, *, missing: bool = False) -> HeaderValue:
        self = super().__new__(cls, value)
        self.name = name
        self.missing = missing
        return self

    def expected(self, operator: str, wanted: object) -> str:
        """Say which field was expected."""
        return f"{'not ' if operator == '!=' else ''}{self.name}: {wanted}"

    def received(self) -> str:
        """Show the field as it came."""
        return f"no {self.name}" if self.missing else f"{self.name}: {shorten(self)}"


class MediaType(str):
    """The media type that an answer declares."""

    declared: str | None

    def __new__(cls, value: str, declared: str | None) -> MediaType:
        self = super().__new__(cls, value)
        self.declared = declared
        return self

    def expected(self, operator: str, wanted: object) -> str:
        """Say which type was expected."""
        names = " or ".join(map(str, wanted)) if isinstance(wanted, tuple) else wanted
        return f"Content-Type: {names}"

    def received(self) -> str:
        """Show the field as it came."""
        return "no Content-Type" if self.declared is None else f"Content-Type: {shorten(self.declared)}"


class Body(bytes):
    """The body of an answer."""

    answer: object
    wanted: bytes | None

    def __new__(cls, value: bytes, answer: object) -> Body:
        self = super().__new__(cls, value)
        self.answer = answer
        self.wanted = None
        return self

    def __repr__(self) -> str:
        return "<body>"  # pytest writes it into its messages, which nobody sees

    def expected(self, operator: str, wanted: object) -> str:
        """Say which bytes were expected."""
        if not isinstance(wanted, bytes):
            return repr(wanted)
        if operator in ("in", "not in"):
            return f"a body {'with' if operator == 'in' else 'without'} the bytes {wanted!r}"
        self.wanted = wanted
        return f"{len(wanted):,} bytes: {show_bytes(wanted)}" if wanted else "no body"

    def received(self) -> str:
        """Show the answer, and where it begins to differ."""
        if not self.wanted:
            return f"{len(self):,} bytes: {show_bytes(self)}"
        common = next(
            (i for i, (a, b) in enumerate(zip(self, self.wanted, strict=False)) if a != b),
            min(len(self), len(self.wanted)),
        )
        if common == 0:
            return str(self.answer)
        return f"{len(self):,} bytes, which differ from byte {common:,} on: {show_bytes(self[common:])}"


class Shown:
    """What a visitor reads on a page: entities decoded, with and without the tags in between."""

    def __init__(self, views: tuple[str, ...], answer: object) -> None:
        self.views = views
        self.answer = answer

    def __contains__(self, text: str) -> bool:
        return any(text in view for view in self.views)

    def expected(self, operator: str, wanted: object) -> str:
        """Say which text was expected."""
        return f"a page {'without' if operator == 'not in' else 'that shows'} {shorten(str(wanted))}"

    def received(self) -> str:
        """Show the answer in a line."""
        return str(self.answer)


class Source(str):
    """A page as it came, markup and all."""

    answer: object
    wanted: str

    def __new__(cls, value: str, answer: object) -> Source:
        self = super().__new__(cls, value)
        self.answer = answer
        self.wanted = ""
        return self

    def __repr__(self) -> str:
        return "<source>"  # pytest writes it into its messages, which nobody sees

    @property
    def folded(self) -> Source:
        """The same in lower case: markup is markup in any case."""
        return Source(self.lower(), self.answer)

    def expected(self, operator: str, wanted: object) -> str:
        """Say which text was expected, or not to be there."""
        self.wanted = str(wanted)
        return f"a page {'without' if operator == 'not in' else 'with'} {shorten(self.wanted)} in its source"

    def received(self) -> str:
        """Show the place of the text, or else the answer in a line."""
        place = self.find(self.wanted) if self.wanted else -1
        if place < 0:
            return str(self.answer)
        return f"a page with … {' '.join(self[max(0, place - 30) : place + len(self.wanted) + 30].split())} …"


class Numbers(frozenset[int]):
    """The numbers that stand on a page."""

    answer: object

    def __new__(cls, values: frozenset[int], answer: object) -> Numbers:
        self = super().__new__(cls, values)
        self.answer = answer
        return self

    def expected(self, operator: str, wanted: object) -> str:
        """Say which numbers were expected."""
        names = sorted(wanted) if isinstance(wanted, set | frozenset) else [wanted]
        return f"the numbers {' and '.join(map(str, names))}"

    def received(self) -> str:
        """Show the answer in a line."""
        return str(self.answer)
