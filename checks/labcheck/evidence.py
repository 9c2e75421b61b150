"""Values that a program has produced, and that can say what was expected of them and what came.

A check compares them with plain `assert`; where the comparison fails, the report shows
`expected(...)` and `received()` of the value, in words that a beginner understands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORT = 200  # characters of a value in a report's line


@runtime_checkable
class Evidence(Protocol):
    """What the report asks of a value."""

    def expected(self, operator: str, wanted: object) -> str:
        """Say what was expected: the other side of the comparison, in words."""
        ...

    def received(self) -> str:
        """Say what came instead."""
        ...


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


class ExitStatus:
    """The exit status of a program, so many seconds after something (`Ctrl+C`); None: it still runs."""

    def __init__(self, code: int | None, seconds: float, after: str) -> None:
        self.code = code
        self._seconds = seconds
        self._after = f" after {after}" if after else ""

    def __eq__(self, other: object) -> bool:
        return self.code == other

    def __ne__(self, other: object) -> bool:
        return self.code is not None and self.code != other  # what still runs has no status yet

    def __hash__(self) -> int:
        return hash(self.code)

    def expected(self, operator: str, wanted: object) -> str:
        """Say which status was expected."""
        if operator == "!=":
            return f"an exit status other than {wanted} within {self._seconds:.2g} s"
        return f"exit status {wanted} within {self._seconds:.2g} s"

    def received(self) -> str:
        """Say how it ended."""
        if self.code is None:
            return f"it still runs{self._after}, {self._seconds:.2g} s later"
        if self.code < 0:
            return f"ended by signal {-self.code}"
        return f"exit status {self.code}"


class Message:
    """A message that came over a WebSocket; `data` where it was binary, and not text.

    It is no str: pytest would compare two long ones letter by letter.
    """

    def __init__(self, text: str, data: bytes | None = None) -> None:
        self.text = text
        self.data = data

    @property
    def binary(self) -> bool:
        """Whether it was declared as binary."""
        return self.data is not None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Message):
            return (self.text, self.binary) == (other.text, other.binary)
        return self.text == other and not self.binary

    def __hash__(self) -> int:
        return hash(self.text)

    def __contains__(self, mark: str) -> bool:
        return mark in self.text

    def __repr__(self) -> str:
        return "<message>"

    def since(self, mark: str) -> str:
        """Return the text from a mark on; all of it where the mark is not there."""
        return self.text[max(0, self.text.find(mark)) :]

    def expected(self, operator: str, wanted: object) -> str:
        """Say which message was expected."""
        if operator == "in":
            return f"a message with {quote(str(wanted))}"
        return f"the message {quote(str(wanted))}"

    def received(self) -> str:
        """Show the message."""
        return f"the {'binary ' if self.binary else ''}message {quote(self.text)}"


class Messages(list[str]):
    """Messages that came over a WebSocket, in their order."""

    wanted: list[str]

    def __init__(self, messages: Iterable[Message | str]) -> None:
        super().__init__(each.text if isinstance(each, Message) else each for each in messages)
        self.wanted = []

    def __repr__(self) -> str:
        return f"<{len(self)} messages>"

    def expected(self, operator: str, wanted: object) -> str:
        """Say which message was expected at the first place that differs."""
        self.wanted = list(wanted) if isinstance(wanted, list) else []
        return self._told(self.wanted)

    def received(self) -> str:
        """Show the message that came at the first place that differs."""
        return self._told(self)

    def _told(self, texts: list[str]) -> str:
        place = next(
            (place for place, (mine, other) in enumerate(zip(self, self.wanted, strict=False)) if mine != other),
            min(len(self), len(self.wanted)),
        )
        if not texts:
            return "no message"
        if place == len(texts):
            return f"{_count(len(texts))}, and no more"
        ordinal = f"as message {place + 1}: " if len(texts) > 1 else "the message "
        return f"{ordinal}{quote(texts[place])}" + (f" ({_count(len(texts))} in all)" if len(texts) > 1 else "")


def _count(messages: int) -> str:
    return f"{messages} message{'s' * (messages != 1)}"


CODES = {
    1000: "a normal end",
    1001: "going away",
    1002: "a fault in the protocol",
    1003: "data that cannot be used",
    1005: "a goodbye without a code",
    1006: "the connection was cut without a goodbye",
    1007: "text that is not UTF-8",
    1008: "against the rules",
    1009: "a message that is too big",
    1011: "a fault in the program",
}


class Shutdown:
    """How a WebSocket connection was closed: its close code (RFC 6455, section 7.4); None: it is still open."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        self.code = code
        self.reason = reason

    def __eq__(self, other: object) -> bool:
        return self.code == other

    def __hash__(self) -> int:
        return hash(self.code)

    def __str__(self) -> str:
        if self.code is None:
            return "the connection is still open"
        if self.code == 1006:
            return f"{CODES[1006]} (1006)"
        meaning = f" ({CODES[self.code]})" if self.code in CODES else ""
        said = f", {quote(self.reason)}" if self.reason else ""
        return f"the connection was closed with code {int(self.code)}{meaning}{said}"

    def expected(self, operator: str, wanted: object) -> str:
        """Say which code was expected."""
        if isinstance(wanted, tuple | list):
            return f"close code {' or '.join(map(str, wanted))}"
        return f"close code {wanted}"

    def received(self) -> str:
        """Say how it was closed."""
        return str(self)


class Target(str):
    """What a client asks for in its request line."""

    def expected(self, operator: str, wanted: object) -> str:
        """Say which path was expected."""
        return f"a request for the path {wanted}"

    def received(self) -> str:
        """Show the one that came."""
        return f"a request for {shorten(self)}"


class Said(str):
    """What a program has printed on standard error."""

    def __repr__(self) -> str:
        return "<said>"

    def expected(self, operator: str, wanted: object) -> str:
        """Say what was expected to be said."""
        return f"a message{f' with {wanted}' if wanted else ''} on standard error"

    def received(self) -> str:
        """Show the last line."""
        lines = self.strip().splitlines()
        return f"on standard error, as the last line: {shorten(lines[-1])}" if lines else "nothing on standard error"


class Printed:
    """What a program printed; `said` are the watched texts among it, whatever was not kept."""

    def __init__(self, text: str, said: set[str], wanted: str = "a line with") -> None:
        self.text = text
        self._said = said
        self._wanted = wanted
        self._like = ""

    def __contains__(self, text: str) -> bool:
        return text in self._said

    def expected(self, operator: str, wanted: object) -> str:
        """Say which line was expected."""
        self._like = str(wanted).partition(":")[0] if ":" in str(wanted) else ""
        return f"{self._wanted} {wanted!r}"

    def received(self) -> str:
        """Show the last line that begins as the wanted one does, or else the last one."""
        lines = [line for line in map(str.strip, self.text.splitlines()) if line]
        alike = [line for line in lines if self._like and self._like in line]
        if alike:
            return f"the line {shorten(alike[-1])!r}"
        return f"as the last line: {shorten(lines[-1])}" if lines else "nothing was printed"


class Complaint(str):
    """What a program's traceback says; nothing where there is none."""

    def __repr__(self) -> str:
        return "<complaint>"

    def expected(self, operator: str, wanted: object) -> str:
        """Say that there is to be none."""
        return "no traceback on standard error"

    def received(self) -> str:
        """Show what it says."""
        return shorten(self)


def quote(text: str, limit: int = 120) -> str:
    """Return the text in quotation marks, in at most about so many characters."""
    return f'"{text}"' if len(text) <= limit else f'"{text[: limit - 40]}…{text[-20:]}" ({len(text):,} characters)'


def shorten(text: str, limit: int = SHORT) -> str:
    """Return the text in at most so many characters; what is left out is counted."""
    if len(text) <= limit:
        return text
    return f"{text[: limit - 20]}… ({len(text):,} characters)"


def show_bytes(data: bytes, limit: int = 48) -> str:
    """Return the beginning of some bytes: as text where they are text, else in hexadecimal."""
    start, more = data[:limit], " …" if len(data) > limit else ""
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return repr(start.decode("ascii")) + more
    return start[: limit // 3].hex(" ") + (" …" if len(data) > limit // 3 else "")
