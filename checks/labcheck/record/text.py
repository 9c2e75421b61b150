"""Makes texts from programs safe and short enough for a record or a report."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePosixPath

SHORT = 200  # characters of a value in a line of a report
QUOTED = 120  # characters of a message in a line of a report
BYTES = 48  # bytes shown as text; a third of that in hexadecimal
LAST_LINES = 32  # of what a program has printed, in a report
# What comes before the name of a file of Python's or of ours, in what Python prints.
COPY = re.compile(r"/[^\s\"':]*/labcheck-\w+/(?:\d+/)?work/")  # the copy of a submission that was run
INSTALLED = re.compile(r"/(?:[^\s\"'/:]+/)*(?=(?:lib|bin)/python)")
QUOTED_FILE = re.compile(r'(?<=File ")(?:[A-Za-z]:)?[/\\][^"\n]*[/\\](?=[^"/\\\n]+")')


def shorten(text: str, limit: int = SHORT) -> str:
    """Return the beginning of a text, in up to `limit` characters (at least 30); a note gives the full length."""
    if len(text) <= limit:
        return text
    note = f" … ({len(text):,} characters)"
    return text[: limit - len(note)] + note


def within(text: str, limit: int) -> str:
    """Return the text in up to `limit` characters, without the middle if it is longer."""
    if len(text) <= limit:
        return text
    gap = f" … ({len(text):,} characters in all) … "
    kept = limit - len(gap)
    if kept <= 0:
        return text[:limit]
    tail = kept // 2
    return text[: kept - tail] + gap + text[len(text) - tail :]


def quote(text: str) -> str:
    """Return the text in quotation marks, without the middle if it is long."""
    return f'"{within(text, QUOTED)}"'


def show_bytes(data: bytes) -> str:
    """Return the beginning of some bytes: as text if they are printable UTF-8, otherwise in hexadecimal."""
    is_longer = len(data) > BYTES
    start = as_text(data[:BYTES], is_cut=is_longer)
    if start is not None:
        return repr(start) + (" …" if is_longer else "")
    most = BYTES // 3
    return data[:most].hex(" ") + (" …" if len(data) > most else "")


def as_text(data: bytes, *, is_cut: bool = False) -> str | None:
    """Return the bytes as text if they are UTF-8 and all their characters can be printed; otherwise None.

    `is_cut`: more bytes follow, so the last character may be incomplete; then it is left out.
    """
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data, final=not is_cut)
    except UnicodeDecodeError:
        return None
    return text if all(each.isprintable() or each in "\t\r\n" for each in text) else None


def last_lines(text: str, most: int = LAST_LINES) -> str:
    """Return the last lines of a text; if there are more, the first line of the result counts them."""
    lines = text.splitlines()
    left_out = len(lines) - most
    note = [f"({left_out:,} {'line' if left_out == 1 else 'lines'} before these)"] if left_out > 0 else []
    return "\n".join([*note, *lines[-most:]])


def without_places(text: str) -> str:
    """Return what a program has printed without the folders of the machine where it ran, as in tracebacks."""
    for place, instead in ((COPY, ""), (QUOTED_FILE, "…/"), (INSTALLED, "…/")):
        text = place.sub(instead, text)
    return text


def is_own_file(name: str) -> bool:
    """Return whether a file named in a traceback is a program in the student's folder; the name may be anything."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and not re.search(r"[\\:]", name) and path.suffix == ".py"


def printable(text: str) -> str:
    """Return the text with an escape for every character that could move a cursor or change colors."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
