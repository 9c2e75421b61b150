"""What came over a WebSocket, and can say of itself what was expected when a check compares it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
from labcheck.program.evidence import Mismatch
from labcheck.record.text import quote, shorten


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

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which message was expected, and show the one that came."""
        expected = f"a message with {quote(str(wanted))}" if operator == "in" else f"the message {quote(str(wanted))}"
        return Mismatch(expected, self.words)

    @property
    def words(self) -> str:
        """The message, in words."""
        return f"the {'binary ' if self.binary else ''}message {quote(self.text)}"


class Messages(list[str]):
    """Messages that came over a WebSocket, in their order."""

    def __init__(self, messages: Iterable[Message | str]) -> None:
        super().__init__(each.text if isinstance(each, Message) else each for each in messages)

    def __repr__(self) -> str:
        return f"<{len(self)} messages>"

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which message was expected at the first place that differs, and which came there."""
        others = list(wanted) if isinstance(wanted, list) else []
        place = next(
            (place for place, (mine, other) in enumerate(zip(self, others, strict=False)) if mine != other),
            min(len(self), len(others)),
        )
        return Mismatch(_told(others, place), _told(self, place))


def _told(texts: list[str], place: int) -> str:
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

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which code was expected, and how it was closed."""
        codes = wanted if isinstance(wanted, tuple | list) else (wanted,)
        return Mismatch(f"close code {' or '.join(map(str, codes))}", str(self))


class Target(str):
    """What a client asks for in its request line."""

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which path was expected, and show the one that came."""
        return Mismatch(f"a request for the path {wanted}", f"a request for {shorten(self)}")
