"""What a picture shows of a transcript: a window around the event that decided, and everything else is counted."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from labcheck.reports.window import MOST_AFTER, MOST_BEFORE, MOST_LANES, SPARED, Folded, window

KINDS = ("sent", "received", "typed", "printed", "hung_up", "missed", "note")


def event(who: str = "", kind: str = "received", what: str = "") -> dict[str, Any]:
    return {"kind": kind, "what": what, "who": who, "at": 0.0, "size": 0, "encoding": "utf-8", "data": ""}


EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from(["", *(f"client {number}" for number in range(1, 8))]),
        st.sampled_from(KINDS),
        st.sampled_from(["", "text", "standard output"]),
    ),
    max_size=80,
)


@given(EVENTS, st.data())
def test_every_event_is_shown_or_counted(events: list[dict[str, Any]], data: st.DataObject) -> None:
    """The rows follow the order of the events, and cover each of them exactly once; the deciding one is shown."""
    decided = data.draw(st.sampled_from([None, *range(len(events))]))
    found = window(events, decided)
    covered: list[int] = []
    for row in found.rows:
        covered += range(row.first, row.end) if isinstance(row, Folded) else [row]
    assert covered == list(range(len(events)))
    assert decided is None or decided in found.rows
    assert len(found.places) <= MOST_BEFORE + 1 + MOST_AFTER + SPARED


@given(EVENTS, st.data())
def test_every_connection_has_a_lane_or_is_counted(events: list[dict[str, Any]], data: st.DataObject) -> None:
    """Between shown events, only those of connections without a lane are left out; every shown one has its lane."""
    found = window(events, data.draw(st.sampled_from([None, *range(len(events))])))
    named = {each["who"] for each in events if each["who"]}
    assert len(found.names) <= MOST_LANES
    assert len(named - {*found.names}) <= found.others
    assert {events[place]["who"] for place in found.places} - {""} <= {*found.names}
    for row in found.rows:
        if isinstance(row, Folded) and row.others:
            assert not {each["who"] for each in events[row.first : row.end]} & {*found.names}


def test_crowd_is_a_window_around_the_event_that_decided() -> None:
    """Of 50 clients, those next to it are shown, with what they did long before."""
    events = [event(f"client {number}", kind) for kind in ("sent", "received") for number in range(1, 51)]
    found = window(events, 79)
    assert found.names == ["client 28", "client 29", "client 30", "client 31"]
    assert (found.others, 79 in found.places, 29 in found.places) == (46, True, True)
    assert [row.count for row in found.rows if isinstance(row, Folded)] == [27, 46, 19]
    assert [row.when for row in found.rows if isinstance(row, Folded)] == ["earlier", "", "later"]


def test_few_events_are_shown_rather_than_counted() -> None:
    """A picture that would only leave out three of them shows all."""
    most = MOST_BEFORE + 1 + MOST_AFTER + SPARED
    assert window([event()] * most, 0).places == list(range(most))
    assert window([event()] * (most + 1), 0).places == list(range(1 + MOST_AFTER))
    assert window([], None).rows == []
