"""Values that a program produced, and that can explain a failed comparison.

A check compares them with plain `assert`. If the comparison fails, the report shows what `mismatch` returns, in words
that a beginner understands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from labcheck.record.difference import compare
from labcheck.record.text import shorten

if TYPE_CHECKING:
    from labcheck.errors import Place
    from labcheck.record.difference import Difference


class Mismatch(NamedTuple):
    """What was expected and what arrived instead, in words; and the place in the student's file, if it is known.

    `difference` is where two texts, or two sequences of bytes, begin to differ.
    """

    expected: str
    received: str
    place: Place | None = None
    difference: Difference | None = None


class BrokenOff(Mismatch):
    """A program seems to have failed while it answered, so an exception that it raised explains what arrived."""


def differs(expected: str | bytes, received: str | bytes, titles: tuple[str, str]) -> Mismatch:
    """Return the mismatch of two texts that are not equal, or of two sequences of bytes; `titles` introduce them."""
    difference = compare(expected, received, titles)
    return Mismatch(*difference.in_words(), None, difference)


@runtime_checkable
class Evidence(Protocol):
    """A value that can explain a failed comparison."""

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Explain the comparison with `operator` and the other side, `wanted`: what was expected, what arrived."""
        ...


class ExitStatus:
    """The exit status of a program, up to `seconds` after something (such as `Ctrl+C`).

    Compare it with a number: `status == 0`. It equals no number, and differs from none, while the program still runs.
    """

    def __init__(self, code: int | None, seconds: float, after: str) -> None:
        self.code = code
        self._seconds = seconds
        self._after = after

    def __eq__(self, other: object) -> bool:
        return self.code == other

    def __ne__(self, other: object) -> bool:
        return self.code is not None and self.code != other  # a program that still runs has no status

    def __hash__(self) -> int:
        return hash(self.code)

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which status was expected, and how the program ended."""
        status = f"an exit status other than {wanted}" if operator == "!=" else f"exit status {wanted}"
        return Mismatch(f"{status} within {self._seconds:.2g} s", str(self))

    def __str__(self) -> str:
        if self.code is None:
            since = f" after {self._after}" if self._after else " later"
            return f"still running {self._seconds:.2g} s{since}"
        if self.code < 0:
            return f"ended by signal {-self.code}"
        return f"exit status {self.code}"


class Said(str):
    """What a program printed on standard error."""

    def __repr__(self) -> str:
        return "<said>"

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which text was expected, and show the last line."""
        lines = self.strip().splitlines()
        last = f"the last line on standard error: {shorten(lines[-1])}" if lines else "nothing on standard error"
        return Mismatch(f"a message{f' with {wanted}' if wanted else ''} on standard error", last)


class Printed:
    """What a program printed. `text in printed` holds for the watched texts that it printed.

    Watched texts are found even in output that was too long to be kept.
    """

    def __init__(self, text: str, said: set[str], wanted: str = "a line with") -> None:
        self.text = text
        self._said = said
        self._wanted = wanted

    def __contains__(self, text: str) -> bool:
        return text in self._said

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which line was expected, and show the last line that resembles it, or else the last line."""
        begin, colon, _ = str(wanted).partition(":")
        if nearest := self._to_compare(str(wanted)):
            return differs(str(wanted), nearest, (self._wanted, self._wanted))
        return Mismatch(f"{self._wanted} {wanted!r}", self.last(begin if colon else ""))

    def _to_compare(self, wanted: str) -> str:
        """Return the whole line that resembles the expected one and differs from it; else an empty text."""
        begin, colon, _ = wanted.partition(":")
        alike = self._lines(begin if colon else "")
        return alike[-1] if alike and self._wanted == "the line" and alike[-1] != wanted else ""

    def _lines(self, like: str) -> list[str]:
        """Return the lines that contain `like` in upper or lower case; none if it is empty."""
        return [line for line in map(str.strip, self.text.splitlines()) if like and like.lower() in line.lower()]

    def last(self, like: str = "") -> str:
        """Describe the last line that contains `like` in upper or lower case; without such a line, the last line."""
        if alike := self._lines(like):
            return f"the line {shorten(alike[-1])!r}"
        lines = [line for line in map(str.strip, self.text.splitlines()) if line]
        return f"the last line: {shorten(lines[-1])}" if lines else "nothing was printed"


class Prompts(Printed):
    """What a program printed up to a prompt, at which it waits for its user."""

    def __init__(self, text: str, said: set[str], times: int) -> None:
        super().__init__(text, said, "the prompt" if times == 1 else f"{times} prompts")

    def _to_compare(self, wanted: str) -> str:
        unfinished = self.text.rpartition("\n")[2]
        is_alike = unfinished != wanted and unfinished[:1] == wanted[:1]
        return unfinished if is_alike and self._wanted == "the prompt" else ""

    def last(self, like: str = "") -> str:
        """Describe the unfinished line: the prompt as it was really printed; without one, the last line."""
        unfinished = self.text.rpartition("\n")[2]
        return f"the prompt {shorten(unfinished)!r}" if unfinished else super().last(like)


class Complaint(str):
    """The last line of a program's traceback, with the place where it was raised; empty if there is no traceback.

    `advice` says what that means, if this is certain.
    """

    said: str
    place: Place | None
    advice: str

    def __new__(cls, said: str, place: Place | None = None, advice: str = "") -> Complaint:
        where = f" ({place.file}, line {place.line})" if place else ""
        self = super().__new__(cls, f"{said}{where}{advice and '; '}{advice}")
        self.said = said
        self.place = place
        self.advice = advice
        return self

    def __repr__(self) -> str:
        return "<complaint>"

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say that no traceback was expected, and show this one."""
        return Mismatch("no traceback on standard error", shorten(self), self.place)
