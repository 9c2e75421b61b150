"""Values that a program has produced, and that can say what was expected of them and what came.

A check compares them with plain `assert`; where the comparison fails, the report shows
`expected(...)` and `received()` of the value, in words that a beginner understands.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

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
