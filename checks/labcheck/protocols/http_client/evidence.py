"""What a client printed; it can explain a failed comparison."""

from __future__ import annotations

from labcheck.program.evidence import BrokenOff, Mismatch, differs
from labcheck.record.text import as_text, show_bytes

GZIP = b"\x1f\x8b"  # with what packed data begins (RFC 1952, section 2.3.1)


class Output:
    """The bytes that a client printed on standard output. Compare them with `bytes`.

    Of very long output, only the beginning and the end are kept; its length is known. `said` is the last line on
    standard error, which may explain why something is missing.
    """

    def __init__(self, head: bytes, tail: bytes, total: int, said: str) -> None:
        self.total = total
        self._head, self._tail = head, tail
        self._said = said

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, bytes)
            and len(other) == self.total
            and other.startswith(self._head)
            and other.endswith(self._tail)
        )

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self._head, self._tail))

    def __contains__(self, part: bytes) -> bool:
        return part in self._head + self._tail

    def __repr__(self) -> str:
        return "<output>"

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which bytes were expected, and show those that were printed."""
        kind = BrokenOff if self._said else Mismatch
        shown = self._head + self._tail
        came = f"{self.total:,} bytes on standard output: {show_bytes(shown)}" if self.total else self._nothing
        if not isinstance(wanted, bytes):
            return kind(repr(wanted), came)
        if operator in ("in", "not in"):
            without = "without" if operator == "not in" else "with"
            return kind(f"output {without} {show_bytes(wanted)}", came)
        if operator == "!=":
            return kind(f"other output than {show_bytes(wanted)}", came)
        if not wanted:
            return kind("nothing on standard output", came)
        expected = f"{len(wanted):,} bytes on standard output: {show_bytes(wanted)}"
        if not self.total or self.total != len(shown):
            return kind(expected, came)
        titles = f"{len(wanted):,} bytes:", f"{self.total:,} bytes{self._hint(wanted, shown)}:"
        texts = as_text(wanted), as_text(shown)
        if texts[0] is not None and texts[1] is not None:
            return kind(*differs(texts[0], texts[1], titles))
        return kind(*differs(wanted, shown, titles))

    @property
    def _nothing(self) -> str:
        return "nothing on standard output" + (f"; on standard error: {self._said}" if self._said else "")

    def _hint(self, wanted: bytes, shown: bytes) -> str:
        """Return what seems to have happened to the bytes, if it is clear."""
        if wanted.startswith(shown):
            return "; they are right, the rest is missing"
        if shown == wanted + b"\n":
            return "; print() has added a line end"
        if shown == repr(wanted).encode() + b"\n":
            return "; print() shows bytes as Python writes them"
        if shown.startswith(GZIP) and not wanted.startswith(GZIP):
            return "; they are still packed with gzip"
        return ""
