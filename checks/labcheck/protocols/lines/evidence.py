"""What a server sent over TCP; each can explain a failed comparison."""

from __future__ import annotations

from labcheck.program.evidence import Mismatch, differs


class Line(str):
    """A line, without its end. Compare it with a `str`, or use `text in line`."""

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which line was expected, and show the one that arrived."""
        if operator == "==":
            return differs(str(wanted), str(self), ("the line", "the line"))
        without = "without" if operator == "not in" else "unlike" if operator == "!=" else "with"
        return Mismatch(f"a line {without} {str(wanted)!r}", f"the line {str(self)!r}")


class Data(bytes):
    """Bytes. Compare them with `bytes`."""

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which bytes were expected, and show those that arrived."""
        del operator
        expected = wanted if isinstance(wanted, bytes) else b""
        return differs(expected, bytes(self), (f"{len(expected):,} bytes:", f"{len(self):,} bytes:"))
