"""What went to and fro while a requirement was checked: every byte, up to a limit that is said."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from typing import Literal

KEPT = 64 * 1024  # bytes kept of one message
ALL_KEPT = 512 * 1024  # bytes kept of one requirement's messages together

HUNG_UP = "the server hung up"  # a note

Kind = Literal["sent", "received", "note"]


@dataclass
class Event:
    """Bytes that were sent or received, or a note (`connected`, `Ctrl+C`); `at` in seconds."""

    kind: Kind
    at: float
    size: int
    data: bytearray

    def to_json(self) -> dict[str, object]:
        """Return the event as the record holds it: text where it is UTF-8, else base64."""
        kept = bytes(self.data)
        try:
            data, encoding = kept.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            data, encoding = base64.b64encode(kept).decode("ascii"), "base64"
        return {
            "kind": self.kind,
            "at": round(self.at, 4),
            "size": self.size,
            "encoding": encoding,
            "data": data,
        }


@dataclass
class Transcript:
    """The events of one requirement, and the line that repeats it by hand."""

    events: list[Event] = field(default_factory=list)
    by_hand: str = ""
    _started: float = field(default_factory=time.monotonic)
    _kept: int = 0

    def note(self, text: str) -> None:
        """Keep a remark."""
        self._append("note", text.encode())

    def sent(self, data: bytes) -> None:
        """Keep what was sent."""
        self._append("sent", data)

    def received(self, data: bytes) -> None:
        """Keep what was received; what arrives in pieces is kept as one message."""
        last = self.events[-1] if self.events else None
        if last is not None and last.kind == "received":
            last.size += len(data)
            self._keep(last, data)
        else:
            self._append("received", data)

    def _append(self, kind: Kind, data: bytes) -> None:
        event = Event(kind, time.monotonic() - self._started, len(data), bytearray())
        self._keep(event, data)
        self.events.append(event)

    def _keep(self, event: Event, data: bytes) -> None:
        room = max(0, min(KEPT - len(event.data), ALL_KEPT - self._kept))
        event.data += data[:room]
        self._kept += min(room, len(data))
