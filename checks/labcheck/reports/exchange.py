"""What the reports share: bytes and texts of a transcript, made fit to be read."""

from __future__ import annotations

import base64
from typing import Any

from labcheck.transcript import HUNG_UP

SHOWN_LINES = 7  # lines of one message's head in a short report
SHOWN_WIDTH = 160  # characters of one of its lines
BACKGROUND = {"host", "connection", "server", "date"}  # header fields that say nothing about the failure


def printable(text: str) -> str:
    """Return the text with every character that could move a cursor or recolour a screen written out."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def message(event: dict[str, Any]) -> str:
    """Return the bytes of an event as text: as they are where they are UTF-8, else escaped."""
    if event["encoding"] == "utf-8":
        return str(event["data"])
    data = base64.b64decode(event["data"])
    head, gap, body = data.partition(b"\r\n\r\n")
    try:
        shown = head.decode("ascii") + gap.decode()
    except UnicodeDecodeError:
        shown, body = "", data
    return shown + "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in body)


def missing(event: dict[str, Any]) -> int:
    """Return how many bytes of the event the transcript does not hold."""
    kept = len(event["data"].encode()) if event["encoding"] == "utf-8" else len(base64.b64decode(event["data"]))
    return int(event["size"]) - kept


def last_exchange(transcript: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return what happened last, in a few lines: a request and its answer, or what came after them.

    Each comes with its name: `request`, `answer`, `then`.
    """
    place = max((place for place, event in enumerate(transcript) if event["kind"] == "sent"), default=None)
    if place is None:
        return []
    later = [message(event) for event in transcript[place:] if event["kind"] == "note"]
    if later and later[-1] != HUNG_UP:
        return [("then", " · ".join(note for note in later if note != HUNG_UP))]
    names = {"sent": "request", "received": "answer"}
    return [
        (names[event["kind"]], _in_short(message(event))) for event in transcript[place:] if event["kind"] in names
    ][:2]


def _in_short(text: str) -> str:
    """Return the first line, the headers that matter here, and the beginning of the body."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *headers = head.split("\n")
    lines = [first, *(line for line in headers if line.partition(":")[0].lower() not in BACKGROUND)]
    shown = [_cut(line, SHOWN_WIDTH) for line in lines[:SHOWN_LINES]]
    if body.strip():
        shown += ["", _cut(" ".join(body.split()), SHOWN_WIDTH)]
    return "\n".join(shown)


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[:width]} …"
