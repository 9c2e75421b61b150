"""What a server sent over TCP; each can explain a failed comparison."""

from __future__ import annotations

from labcheck.errors import ExchangeError, Trouble
from labcheck.program.evidence import Mismatch, differs
from labcheck.record.text import quote, show_bytes


class Line(str):
    """A line, without its end. Compare it with a `str`, or use `text in line` or `line in [...]`."""

    @property
    def size(self) -> int:
        """The number of its characters."""
        return len(self)

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which line was expected, and show the one that arrived."""
        if operator == "==":
            return differs(str(wanted), str(self), ("the line", "the line"))
        if operator == "in" and isinstance(wanted, (list, tuple)):
            return Mismatch("the line " + " or ".join(repr(str(each)) for each in wanted), f"the line {str(self)!r}")
        without = "without" if operator == "not in" else "unlike" if operator == "!=" else "with"
        return Mismatch(f"a line {without} {str(wanted)!r}", f"the line {str(self)!r}")


class Data(bytes):
    """Bytes. Compare them with `bytes`."""

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which bytes were expected, and show those that arrived."""
        del operator
        expected = wanted if isinstance(wanted, bytes) else b""
        return differs(expected, bytes(self), (f"{len(expected):,} bytes:", f"{len(self):,} bytes:"))


def line_of(data: bytes) -> Line:
    """Return a line, without its end (LF, or CR and LF). Raises ExchangeError if it is not UTF-8."""
    text = data.removesuffix(b"\n").removesuffix(b"\r")
    try:
        return Line(text.decode())
    except UnicodeDecodeError as error:
        said = f"the line is not UTF-8 from byte {error.start + 1} on: {show_bytes(text)}"
        raise ExchangeError(Trouble.MALFORMED, said) from None


def without_end(data: bytes) -> str:
    """Return in words what has arrived of a line: how many bytes, and that it has no end yet."""
    try:
        shown = quote(data.decode())
    except UnicodeDecodeError:
        shown = show_bytes(data)
    end = "" if b"\n" in data else ", no line end"
    return f"{len(data):,} byte{'s' * (len(data) > 1)}{end}: {shown}"
