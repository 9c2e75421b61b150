"""The lanes of a sequence diagram, and how each event is drawn in them."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from labcheck.record.text import printable, shorten
from labcheck.record.transcript import AT_THE_END
from labcheck.reports.window import is_exchanged
from labcheck.reports.wording import BACKGROUND, block, message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.reports.window import Folded, Window

FIRST = 92.0  # x of the first lane; the times are on its left
APART = 108.0  # between the lanes of several clients
WIDE, LESS, LEAST = 400.0, 70.0, 240.0  # from the last of them to the other side: the most, less per client, the least
BESIDE = 84.0  # right of the last lane
LINE = 15  # height of a line of text
COLUMN = 7.25  # width of a character, at most
NAMES = 16, 12, 20  # columns of the name of the first lane, of the next ones, and of the last one
BOX = 48  # columns of what is printed, typed or noted
BOXED = 4  # lines of it
NOT_COME = 8  # lines that say what did not arrive
LARGE = 40  # bytes of a message whose size is shown
READ = 2000  # characters of a message of which the first words are shown
IN_WORDS = 300  # characters in a title
HTTP = re.compile(r"[A-Z]+ \S+ HTTP/1|HTTP/1\.\d \d")
ON_ITS_WAY = 0.4  # share of its way after which an arrow ends that does not come


class Row(NamedTuple):
    """A row of the picture: what it shows, drawn from y = 0 on, its height, and the same in words."""

    shown: Markup
    height: int
    words: str


class Lanes:
    """The lanes of a picture, and how each event is drawn in them.

    The connections are on the left. If the program is a server, it is on the right; if it is a client, its lanes are on
    the left, and labcheck's server is on the right.
    """

    def __init__(self, events: Sequence[dict[str, Any]], shown: Window, program: str, is_client: bool | None) -> None:
        self._is_client = _is_client(events) if is_client is None else is_client
        names, others = shown.names, shown.others
        first = FIRST + APART * bool(others)
        self._left = {name: first + APART * number for number, name in enumerate(names or [""])}
        self.right = max(self._left.values()) + max(LEAST, WIDE - LESS * (len(self._left) - 1))
        self.width = self.right + BESIDE
        left = [(x, printable(name) or (program if self._is_client else "client")) for name, x in self._left.items()]
        right = program
        if self._is_client:
            right = "labcheck's server" if any(map(is_exchanged, events)) else "no server"
        self._names = dict([*left, (self.right, right)])
        if others:
            self._names = {FIRST: f"{others:,} other client{'s' * (others != 1)}", **self._names}
        self._middle = (max(self._left.values()) + self.right) / 2  # where no line is

    @property
    def names(self) -> list[str]:
        """The name of each lane, from the left to the right."""
        return list(self._names.values())

    def header(self) -> Markup:
        """Return the names, in their places."""
        name = Markup('<text class="name" x="{:g}" y="18">{}</text>')
        first, others, last = NAMES
        room = {FIRST: first, self.right: last}
        return Markup("").join(name.format(x, cut(title, room.get(x, others))) for x, title in self._names.items())

    def lines(self, height: int) -> Markup:
        """Return the line of each lane."""
        line = Markup('<path class="lane" d="M{:g} 0V{}"/>')
        return Markup("").join(line.format(x, height) for x in self._names)

    def gap(self, seconds: float) -> Row:
        """Return the row for a time in which nothing happened: the lines are broken."""
        bend = Markup('<path class="box" d="M{:g} 14l12 -6v6l-12 6z"/>')
        breaks = Markup("").join(bend.format(x - 6) for x in self._names)
        text = Markup('<text class="dim middle" x="{:g}" y="18">{}</text>').format(self._middle, in_seconds(seconds))
        return Row(breaks + text, 28, "")

    def folded(self, part: Folded) -> Row:
        """Return the row for events that are not drawn."""
        event = f"event{'s' * (part.count != 1)}"
        what = f"{part.count:,} {event} of other clients" if part.others else f"{part.count:,} {part.when} {event}"
        text = Markup('<text class="dim middle" x="{:g}" y="16">⋯ {} ⋯</text>').format(self._middle, what)
        return Row(text, 24, what)

    def row(self, event: dict[str, Any]) -> Row:
        """Return the row of an event."""
        kind, text = event["kind"], block(message(event), READ)
        side = self._left.get(event["who"], next(iter(self._left.values())))
        program, peer = (side, self.right) if self._is_client else (self.right, side)
        about = f"{printable(event['who'])}: " if event["who"] else ""
        if kind in ("sent", "received"):
            way = _Way(program, peer) if kind == "received" else _Way(peer, program)
            lines = list(filter(None, first_words(event, text)))
            words = f"{self._names[way.begin]} to {self._names[way.end]}: {', '.join(lines)}"
            return way.row(lines, words, way.arrow(LINE * len(lines) + 6), plain=1)
        if kind == "hung_up":
            way = _Way(self.right, side) if text.startswith("the server") else _Way(side, self.right)
            return way.row([text], about + text, way.broken(LINE + 6), plain=0)
        if kind == "missed" and not event["what"]:
            way = _Way(program, peer)
            lines = _wrapped(text, way.room)[:NOT_COME]
            waited = in_seconds(event.get("seconds", 0.0))
            return way.row(lines, about + text, way.crossed(LINE * len(lines) + 12, waited), plain=NOT_COME, more=8)
        x = peer if kind == "note" and event["who"] and not self._is_client else program
        return self._box(event, x, text)

    def _box(self, event: dict[str, Any], x: float, text: str) -> Row:
        """Return a row with a box in a lane: what was typed, printed or noted, or should have been printed."""
        kind, what = event["kind"], event["what"]
        title = f"{kind} on standard error" if what.startswith("standard error") else kind.replace("note", "")
        if kind == "missed":
            title = f"✕ waited {in_seconds(event.get('seconds', 0.0))}"
        lines = [piece for line in text.split("\n") for piece in _wrapped(line, BOX)]
        if len(lines) > BOXED:
            lines = [*lines[: BOXED - 1], f"⋯ {len(lines) - BOXED + 1} more lines"]
        shown = [title, *lines] if title else lines
        width = min(BOX, max(map(columns, shown))) * COLUMN + 16
        left = x - 28 if x < self.right else x + 8 - width
        height = LINE * len(shown) + 8
        box = Markup('<rect class="box{}" x="{:g}" y="3" width="{:g}" height="{}" rx="4"/>').format(
            " dashed" if kind == "missed" else "", left, width, height
        )
        words = f"{self._names[x]}: {' '.join(filter(None, (title, _in_a_line(text))))}"
        row = box + Markup('<g transform="translate(0 3)">{}</g>').format(
            _text(shown, left + 8, BOX, len(shown), dim=bool(title))
        )
        return Row(row, height + 6, shorten(words, IN_WORDS))


class _Way(NamedTuple):
    """The way of a message from one lane to another."""

    begin: float
    end: float

    @property
    def room(self) -> int:
        """The columns of the text above it."""
        return int((abs(self.end - self.begin) - 20) / COLUMN)

    def row(self, lines: Sequence[str], words: str, shape: Markup, *, plain: int, more: int = 0) -> Row:
        """Return the row with this shape under its text, of which the first `plain` lines are not dim."""
        text = _text(lines, min(self.begin, self.end) + 10, self.room, plain)
        return Row(text + shape, LINE * len(lines) + 13 + more, shorten(words, IN_WORDS))

    def arrow(self, y: int) -> Markup:
        """Return an arrow."""
        return _path(f"M{self.begin:g} {y}H{self.end:g}m0 0l{-8 * self._step} -4v8z")

    def broken(self, y: int) -> Markup:
        """Return the end of a connection: a broken line that ends at a bar."""
        return _path(f"M{self.begin:g} {y}H{self.end - 4 * self._step:g}m0 -5v10", "wire dashed")

    def crossed(self, y: int, time: str) -> Markup:
        """Return an arrow that ends on its way, in a cross with the time that was waited."""
        stop = self.begin + (self.end - self.begin) * ON_ITS_WAY
        kind = Markup("dim") if self._step > 0 else Markup("dim end")
        text = Markup('<text class="{}" x="{:g}" y="{}">{}</text>').format(kind, stop + 12 * self._step, y + 4, time)
        cross = _path(f"M{stop - 5:g} {y - 5}l10 10m0 -10l-10 10")
        return _path(f"M{self.begin:g} {y}H{stop:g}", "wire dashed") + cross + text

    @property
    def _step(self) -> int:
        return 1 if self.begin < self.end else -1


def first_words(event: dict[str, Any], text: str) -> list[str]:
    """Return the line that says most about a message, and in a second one what else fits."""
    what = printable(event["what"])
    if what.startswith("close"):
        return [f"{what}: {_in_a_line(text)}" if text else what]
    if what in ("", "handshake"):
        head, _, body = text.partition("\n\n")
        first, *fields = head.split("\n")
        if not HTTP.match(first):
            return [_in_a_line(text)]
        if what and (first.startswith("GET") or " 101 " in first):
            return [f"{first} (handshake)"]
        told = [line for line in fields if line and line.partition(":")[0].lower() not in BACKGROUND]
        return [first, " · ".join(told), " ".join(body.split())]
    size = f"{event['size']:,} bytes" if event["size"] > LARGE else ""
    if not text:
        return [f"{size}, which were not kept" if size else f"an empty {what}"]
    shown = _in_a_line(text)
    return [shown if what.startswith("text") else f"{what}: {shown}", size]


def columns(text: str) -> int:
    """Return how many columns a text takes in a monospaced font: two for each wide character, none for an accent."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def cut(text: str, room: int) -> str:
    """Return the beginning of a text, in up to `room` columns."""
    if columns(text) <= room:
        return text
    text = text[:room]
    while columns(text) >= room:
        text = text[:-1]
    return f"{text}…"


def in_seconds(seconds: float) -> str:
    """Return a time with two digits: `1.2 s`."""
    return f"{seconds:.0f} s" if seconds >= 99.5 else f"{seconds:.2g} s"


def _text(lines: Sequence[str], x: float, room: int, plain: int, *, dim: bool = False) -> Markup:
    """Return lines of text, of which the first `plain` ones are not dim; with `dim`, the very first one is."""
    line = Markup('<text{} x="{:g}" y="{}">{}</text>')
    shown = Markup("")
    for number, each in enumerate(lines):
        kind = Markup(' class="dim"') if number >= plain or (dim and not number) else ""
        shown += line.format(kind, x, LINE * (number + 1) - 1, cut(each, room))
    return shown


def _path(shape: str, kind: str = "wire") -> Markup:
    return Markup('<path class="{}" d="{}"/>').format(kind, shape)


def _wrapped(text: str, room: int) -> list[str]:
    return textwrap.wrap(text, room, drop_whitespace=False, break_on_hyphens=False) or [""]


def _in_a_line(text: str) -> str:
    return text.strip("\n").replace("\n", " ⏎ ")


def _is_client(events: Sequence[dict[str, Any]]) -> bool:
    """Return whether the program is a client: it has a user, or it opened the connection (for older records)."""
    if any(event["kind"] == "typed" for event in events):
        return True
    first = next((event for event in events if event["kind"] in ("sent", "received")), None)
    if first is None:
        return any(_is_printed(event) for event in events)
    return bool(first["kind"] == "received" and first["what"] == "handshake")


def _is_printed(event: dict[str, Any]) -> bool:
    return event["kind"] == "printed" and not event["what"].endswith(AT_THE_END)
