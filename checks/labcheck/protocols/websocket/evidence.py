"""Values from a WebSocket connection; each can explain a failed comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.program.evidence import Mismatch, differs
from labcheck.protocols.json_value import Json
from labcheck.record.text import quote

if TYPE_CHECKING:
    from collections.abc import Iterable


class Message:
    """A message from a WebSocket. `text` is its text; `data` its bytes if it is a binary message, else None.

    Compare it with a `str` (a binary message equals none), or use `mark in message`. It is not a `str` itself, because
    pytest would compare two long ones letter by letter.
    """

    def __init__(self, text: str, data: bytes | None = None) -> None:
        self.text = text
        self.data = data

    @property
    def size(self) -> int:
        """Characters of a text message, bytes of a binary one."""
        return len(self.text if self.data is None else self.data)

    @property
    def binary(self) -> bool:
        """Whether it was sent as a binary message."""
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
        """Return the text from the first `mark` on; the whole text if it does not contain the mark."""
        return self.text[max(0, self.text.find(mark)) :]

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which message was expected, and show the one that arrived."""
        if operator == "==" and isinstance(wanted, str) and not self.binary:
            return differs(wanted, self.text, ("the message", "the message"))
        expected = f"a message with {quote(str(wanted))}" if operator == "in" else f"the message {quote(str(wanted))}"
        return Mismatch(expected, self.words)

    @property
    def json(self) -> Json:
        """The text as JSON; compare it with a Python value. A binary message is not JSON."""
        return Json(self.text, "a binary message") if self.binary else Json(self.text)

    @property
    def words(self) -> str:
        """The message in words, shortened, for the message of an assertion."""
        return f"the {'binary ' if self.binary else ''}message {quote(self.text)}"


class Messages(list[str]):
    """The texts of messages from a WebSocket, in order: a list of `str` that explains where it differs from another.

    Make it from Message objects or texts, and compare it with a list: `assert Messages(answers) == ["one", "two"]`.
    """

    def __init__(self, messages: Iterable[Message | str]) -> None:
        super().__init__(each.text if isinstance(each, Message) else each for each in messages)

    def __repr__(self) -> str:
        return f"<{len(self)} messages>"

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which message was expected at the first difference, and which one arrived there."""
        others = list(wanted) if isinstance(wanted, list) else []
        place = next(
            (place for place, (mine, other) in enumerate(zip(self, others, strict=False)) if mine != other),
            min(len(self), len(others)),
        )
        if place < min(len(self), len(others)):
            return differs(others[place], self[place], (_which(others, place), _which(self, place)))
        return Mismatch(_told(others, place), _told(self, place))


def _told(texts: list[str], place: int) -> str:
    if not texts:
        return "no message"
    if place == len(texts):
        return f"only {_count(len(texts))}"
    return f"{_which(texts, place)} {quote(texts[place])}"


def _which(texts: list[str], place: int) -> str:
    return f"message {place + 1} of {len(texts)}:" if len(texts) > 1 else "the message"


def _count(messages: int) -> str:
    return f"{messages} message{'s' * (messages != 1)}"


CODES = {  # RFC 6455, section 7.4.1
    1000: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1005: "the close frame had no code",
    1006: "the connection was cut without a close frame",
    1007: "text that is not UTF-8",
    1008: "policy violation",
    1009: "message too big",
    1011: "an unexpected error in the program",
}


class Shutdown:
    """How a WebSocket connection was closed. `code` is the close code, or None if it is still open.

    Compare it with a close code: `assert shutdown == 1000` (RFC 6455, section 7.4). Code 1006 means that no close frame
    arrived.
    """

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
        """Say which code was expected, and how the connection was closed."""
        codes = wanted if isinstance(wanted, tuple | list) else (wanted,)
        return Mismatch(f"close code {' or '.join(map(str, codes))}", str(self))


class Target(str):
    """The target in a client's request line: its path, and its query if it has one."""

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which path was expected, and show the one that arrived."""
        return differs(str(wanted), str(self), ("a request for", "a request for"))
