"""What was exchanged while a requirement was checked: every byte, up to limits."""

from __future__ import annotations

import base64
import codecs
import re
import time
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal

MOST_EVENTS = 1000  # kept for one requirement
KEPT = 64 * 1024  # bytes kept of one message
ALL_KEPT = 512 * 1024  # bytes kept of all messages of one requirement
FIRST_WORDS = 64  # bytes kept of each message, even if there is no room for more

AT_THE_END = " at the end"  # what a program printed at its end: this follows the name of the stream

Kind = Literal["sent", "received", "typed", "printed", "hung_up", "missed", "note"]


@dataclass
class Event:
    """Bytes that were sent, received, typed or printed; the end of a connection; or a note such as `Ctrl+C`.

    `at` is in seconds since the check began. `what` is the kind of bytes, if there are several (`text`, `close 1000`,
    `standard error`); `who` is the name of the connection, if there are several. A `missed` event says what did not
    arrive within `seconds`; its `what` is the name of a stream if it was to be printed there.
    """

    kind: Kind
    what: str
    who: str
    at: float
    size: int
    data: bytearray
    seconds: float = 0.0

    def to_json(self) -> dict[str, object]:
        """Return the event in the form of the record: text if it is UTF-8, otherwise base64."""
        kept = bytes(self.data)
        try:
            # What is kept of a text may end within a character.
            text = codecs.getincrementaldecoder("utf-8")().decode(kept, final=len(kept) == self.size)
            data, encoding = text, "utf-8"
        except UnicodeDecodeError:
            data, encoding = base64.b64encode(kept).decode("ascii"), "base64"
        waited = {"seconds": round(self.seconds, 4)} if self.kind == "missed" else {}
        return {
            "kind": self.kind,
            "what": self.what,
            "who": self.who,
            "at": round(self.at, 4),
            "size": self.size,
            "encoding": encoding,
            "data": data,
            **waited,
        }


@dataclass
class Transcript:
    """The events of one requirement, and the command that repeats it by hand."""

    events: list[Event] = field(default_factory=list)
    by_hand: str = ""
    _started: float = field(default_factory=time.monotonic)
    _kept: int = 0

    def beside(self) -> Transcript:
        """Return an empty transcript whose times count from the same moment."""
        return Transcript(_started=self._started)

    def note(self, text: str, who: str = "") -> None:
        """Record a note."""
        self._append("note", text.encode(), "", who)

    def hung_up(self, side: str, who: str = "") -> None:
        """Record that one side has closed the connection: the `server` or the `client`."""
        self._append("hung_up", f"the {side} closed the connection".encode(), "", who)

    def missed(self, text: str, seconds: float, what: str = "", who: str = "") -> None:
        """Record that something did not arrive: `no answer within 3 s`."""
        self._append("missed", text.encode(), what, who, seconds)

    def go_on_waiting(self) -> None:
        """Forget that something did not arrive, if that is the last event: the wait is not over."""
        if self.events and self.events[-1].kind == "missed":
            self.events.pop()

    def sent(self, data: bytes, what: str = "", who: str = "") -> None:
        """Record sent bytes."""
        self._append("sent", data, what, who)

    def received(self, data: bytes, what: str = "", who: str = "") -> None:
        """Record received bytes; pieces of one stream that arrive one after the other become one event."""
        last = self.events[-1] if self.events else None
        if last is not None and (last.kind, last.what, last.who) == ("received", "", who) and not what:
            last.size += len(data)
            self._keep(last, data)
        else:
            self._append("received", data, what, who)

    def typed(self, line: str, who: str = "") -> None:
        """Record a line that was typed into a program's standard input."""
        self._append("typed", line.encode(), "", who)

    def printed(self, text: str, stream: str, who: str = "") -> None:
        """Record what a program has printed since the last call."""
        self._append("printed", text.encode(), stream, who)

    def last_target(self) -> str:
        """Return the target of the last HTTP request; empty if several clients had sent theirs, or none had."""
        groups = [[*group] for _, group in groupby(self._exchanged(), key=lambda event: event.kind)]
        asked = next((group for group in reversed(groups) if group[0].kind == "sent"), [])
        line = re.match(rb"[A-Z]+ (\S+) HTTP/1", asked[0].data) if len(asked) == 1 else None
        return line[1].decode("latin-1") if line else ""

    def last_request_line(self) -> str:
        """Return the first line of what was sent last."""
        sent = [event for event in self._exchanged() if event.kind == "sent"]
        return bytes(sent[-1].data).partition(b"\r\n")[0].decode("latin-1") if sent else ""

    def answer(self) -> bytes:
        """Return what was received after the last sent bytes, as far as it is kept."""
        last = self._exchanged()[-1:]
        return bytes(last[0].data) if last and last[0].kind == "received" else b""

    def has_closed(self) -> bool:
        """Return whether labcheck has sent a close frame."""
        return any(event.kind == "sent" and event.what.startswith("close") for event in self.events)

    def take_back(self, begin: int) -> None:
        """Forget the events from this place on: what was sent has not reached anybody."""
        del self.events[begin:]

    def bring_last(self, who: str) -> None:
        """Move the events of a connection with a name to the end: of several, the check now looks at this one."""
        if who:
            self.events.sort(key=lambda event: event.who == who)

    def _exchanged(self) -> list[Event]:
        return [event for event in self.events if event.kind in ("sent", "received")]

    def resume(self, earlier: Transcript, who: str) -> None:
        """Insert the events of an earlier transcript at the beginning."""
        self.events[:0] = [replace(event, at=0.0, who=who) for event in earlier.events]

    def _append(self, kind: Kind, data: bytes, what: str, who: str, seconds: float = 0.0) -> None:
        if len(self.events) >= MOST_EVENTS and kind != "missed":  # what did not arrive may decide the check
            return
        event = Event(kind, what, who, time.monotonic() - self._started, len(data), bytearray(), seconds)
        self._keep(event, data)
        self.events.append(event)

    def _keep(self, event: Event, data: bytes) -> None:
        room = max(0, ALL_KEPT - self._kept, FIRST_WORDS - len(event.data))
        if event.kind in ("hung_up", "missed", "note"):
            room = KEPT  # these are short words of labcheck
        room = min(room, KEPT - len(event.data))
        event.data += data[:room]
        self._kept += min(room, len(data))
