"""The part of a transcript that fits into a picture: a window around the event that decided, the rest counted.

Nothing is left out in silence: the events that are shown and those that are counted add up to all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_BEFORE, MOST_AFTER = 12, 4  # events shown before the one that decided, and after it
SPARED = 3  # a few more are shown rather than counted
MOST_LANES = 4  # connections that are shown; the others are counted


@dataclass(frozen=True)
class Folded:
    """Events that are not shown, from place `first` on.

    `when` says where they are, as seen from the shown ones: `earlier` or `later`; empty if they are between them, where
    only events of connections without a lane are left out.
    """

    first: int
    count: int
    when: str

    @property
    def end(self) -> int:
        """The place after the last of them."""
        return self.first + self.count

    @property
    def others(self) -> bool:
        """Whether all of them belong to connections without a lane."""
        return not self.when


@dataclass(frozen=True)
class Window:
    """What a picture shows: places of events and counts of others, in order; and the names of the connections."""

    rows: list[int | Folded]
    names: list[str]
    others: int  # connections that have no lane

    @property
    def places(self) -> list[int]:
        """The places of the events that are shown."""
        return [row for row in self.rows if isinstance(row, int)]


def window(events: Sequence[dict[str, Any]], decided: int | None, most_before: int = MOST_BEFORE) -> Window:
    """Choose what to show of a transcript; without an event that decided, its end."""
    middle = len(events) - 1 if decided is None else decided
    lanes = [_lane(event) for event in events]
    names = [name for name in dict.fromkeys(lanes) if name is not None]
    kept = names if len(names) <= MOST_LANES else _nearest(lanes, middle)
    shown = {place for place, name in enumerate(lanes) if name is None or name in kept}
    before = [place for place in sorted(shown) if place < middle]
    after = [place for place in sorted(shown) if place > middle]
    if len(shown) > most_before + 1 + MOST_AFTER + SPARED:
        before, after = before[-most_before:], after[:MOST_AFTER]
    chosen = [*before, *([middle] if events else []), *after]
    rows: list[int | Folded] = []
    end = 0
    for place in chosen:
        if place > end:
            rows.append(Folded(end, place - end, "" if rows else "earlier"))
        rows.append(place)
        end = place + 1
    if end < len(events):
        rows.append(Folded(end, len(events) - end, "later"))
    used = {lanes[place] for place in chosen}
    left = [name for name in names if name in used]
    return Window(rows, left, len(names) - len(left))


def is_exchanged(event: dict[str, Any]) -> bool:
    """Return whether an event is about a connection; others happen in the program alone."""
    return event["kind"] in ("sent", "received", "hung_up") or (event["kind"] == "missed" and not event["what"])


def _lane(event: dict[str, Any]) -> str | None:
    """Return the name of an event's connection, which may be empty; None if it belongs to none."""
    return event["who"] if event["who"] or is_exchanged(event) else None


def _nearest(lanes: Sequence[str | None], middle: int) -> list[str]:
    """Return the connections of the events next to the one in the middle, up to MOST_LANES."""
    places = sorted(range(len(lanes)), key=lambda place: (abs(place - middle), place))
    found = dict.fromkeys(lanes[place] for place in places)
    return [name for name in found if name is not None][:MOST_LANES]
