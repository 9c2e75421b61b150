"""Texts that programs have made, as they may stand in a record or a report: shortened, and fit to be read."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

SHORT = 200  # characters of a value in a report's line
QUOTED = 120  # characters of a message in it
BYTES = 48


def shorten(text: str, limit: int = SHORT) -> str:
    """Return the beginning of a text, in at most so many characters (from 30 on); how long it is, is said."""
    if len(text) <= limit:
        return text
    told = f" … ({len(text):,} characters)"
    return text[: limit - len(told)] + told


def within(text: str, limit: int) -> str:
    """Return the text in at most so many characters; of a longer one the middle is left out."""
    if len(text) <= limit:
        return text
    gap = f" … ({len(text):,} characters in all) … "
    kept = limit - len(gap)
    if kept <= 0:
        return text[:limit]
    tail = kept // 2
    return text[: kept - tail] + gap + text[len(text) - tail :]


def quote(text: str) -> str:
    """Return the text in quotation marks; the middle of a long one is left out."""
    return f'"{within(text, QUOTED)}"'


def show_bytes(data: bytes) -> str:
    """Return the beginning of some bytes: as text where they are text, else in hexadecimal."""
    start = data[:BYTES]
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return repr(start.decode("ascii")) + (" …" if len(data) > BYTES else "")
    most = BYTES // 3
    return start[:most].hex(" ") + (" …" if len(data) > most else "")


def is_own_file(name: str) -> bool:
    """Return whether a file that a traceback names is a program in the student's folder: it may name anything."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and not re.search(r"[\\:]", name) and path.suffix == ".py"


def printable(text: str) -> str:
    """Return the text with every character that could move a cursor or recolour a screen written out."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
