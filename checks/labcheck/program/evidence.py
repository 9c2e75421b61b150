"""Values that a program has produced, and that can say what was expected of them and what came.

A check compares them with plain `assert`; where the comparison fails, the report shows
what its `mismatch` says, in words that a beginner understands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from labcheck.record.text import shorten

if TYPE_CHECKING:
    from labcheck.errors import Place


class Mismatch(NamedTuple):
    """What was expected, and what came instead, in words; and the place in the student's file, where that is known."""

    expected: str
    received: str
    place: Place | None = None


@runtime_checkable
class Evidence(Protocol):
    """A value that can say what a comparison with it has shown."""

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say what was expected, as `wanted` stood on the other side of the operator, and what came instead."""
        ...


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

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which status was expected, and how it ended."""
        status = f"an exit status other than {wanted}" if operator == "!=" else f"exit status {wanted}"
        return Mismatch(f"{status} within {self._seconds:.2g} s", str(self))

    def __str__(self) -> str:
        if self.code is None:
            return f"it still runs{self._after}, {self._seconds:.2g} s later"
        if self.code < 0:
            return f"ended by signal {-self.code}"
        return f"exit status {self.code}"


class Said(str):
    """What a program has printed on standard error."""

    def __repr__(self) -> str:
        return "<said>"

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say what was expected to be said, and show the last line."""
        lines = self.strip().splitlines()
        last = f"on standard error, as the last line: {shorten(lines[-1])}" if lines else "nothing on standard error"
        return Mismatch(f"a message{f' with {wanted}' if wanted else ''} on standard error", last)


class Printed:
    """What a program printed; `said` are the watched texts among it, whatever was not kept."""

    def __init__(self, text: str, said: set[str], wanted: str = "a line with") -> None:
        self.text = text
        self._said = said
        self._wanted = wanted

    def __contains__(self, text: str) -> bool:
        return text in self._said

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which line was expected, and show the last one that is like it, or else the last one."""
        begin, colon, _ = str(wanted).partition(":")
        return Mismatch(f"{self._wanted} {wanted!r}", self.last(begin if colon else ""))

    def last(self, like: str = "") -> str:
        """Return in words the last line with a text, or else the last one."""
        lines = [line for line in map(str.strip, self.text.splitlines()) if line]
        alike = [line for line in lines if like and like in line]
        if alike:
            return f"the line {shorten(alike[-1])!r}"
        return f"as the last line: {shorten(lines[-1])}" if lines else "nothing was printed"


class Complaint(str):
    """What a program's traceback says, with the place where it was raised; nothing where there is none."""

    said: str
    place: Place | None

    def __new__(cls, said: str, place: Place | None = None) -> Complaint:
        self = super().__new__(cls, f"{said} ({place.file}, line {place.line})" if place else said)
        self.said = said
        self.place = place
        return self

    def __repr__(self) -> str:
        return "<complaint>"

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say that there is to be none, and show what it says."""
        return Mismatch("no traceback on standard error", shorten(self), self.place)
