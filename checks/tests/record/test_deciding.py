"""The event that decided: what the report calls received, or else what the program did last."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from labcheck.record.deciding import counterpart, deciding
from labcheck.record.difference import compare
from labcheck.record.record import Outcome, Place, RequirementResult

FAILED = RequirementResult("1.1", "It works.", Outcome.FAILED)
TRACEBACK = "Traceback (most recent call last):\nKeyError: 'a'\n"


def event(kind: str, data: str = "", what: str = "") -> dict[str, Any]:
    return {"kind": kind, "what": what, "who": "", "at": 0.0, "size": len(data), "encoding": "utf-8", "data": data}


def text(kind: str, data: str) -> dict[str, Any]:
    return event(kind, data, "text")


CLOSED = event("hung_up", "the server closed the connection")
MISSED = event("missed", "no message within 3 s")
UNPRINTED = event("missed", "the line 'From Ann: hi' was not printed within 3 s", "standard output")
AT_THE_END = event("printed", TRACEBACK, "standard error at the end")


@pytest.mark.parametrize(
    ("events", "decided"),
    [
        ([event("sent", "GET /"), event("received", "200"), CLOSED], 1),
        ([event("sent", "GET /"), CLOSED], 1),
        ([event("sent", "GET /"), event("received", "200"), CLOSED, event("sent", "GET /")], 3),
        ([event("sent", "GET /"), event("missed", "no answer within 3 s")], 1),
        ([event("received", "200"), event("note", "Ctrl+C"), event("note", "still running")], 2),
        ([text("sent", "a"), text("received", "b"), MISSED, event("sent", what="close 1000")], 2),
        ([event("typed", "a"), text("received", "a"), event("printed", "b", "standard output"), AT_THE_END], 2),
        ([event("typed", "a")], 0),
    ],
)
def test_otherwise_the_last_thing_that_the_program_did_decided(events: list[dict[str, Any]], decided: int) -> None:
    """It comes after the last thing that labcheck did, and the end of the connection only if nothing came before it."""
    assert deciding(replace(FAILED, transcript=events)) == decided


@pytest.mark.parametrize(
    ("events", "received", "decided"),
    [
        # An equal text comes before one that only contains it, and the last one before earlier ones.
        ([text("received", "hello"), text("received", "hello you"), text("received", "hello")], "hello", 2),
        ([text("received", "ECHO!hi"), text("received", "ECHO!"), text("received", "bye")], 'message 1: "ECHO!hi"', 0),
        ([event("received", "late", "close 1001"), event("note", "exit status 0")], "was closed with code 1001", 0),
        ([CLOSED, event("note", "exit status 0")], "was cut without a close frame (1006)", 0),
        ([text("received", "hi"), MISSED], "no message within 3 s; the last one was hi", 1),
        ([event("printed", TRACEBACK, "standard error"), event("note", "status 1")], "KeyError: 'a' (a.py, line 3)", 0),
        # A line that was not printed is not a message.
        ([text("received", "From Ann: hi!"), UNPRINTED], 'the line "From Ann: hi!"', 1),
        ([event("printed", "From Ann: hi!\n", "standard output"), UNPRINTED], 'the line "From Ann: hi!"', 0),
        ([text("received", "a"), text("received", "b")], "a", 0),
        ([text("received", "o"), text("received", "b")], "nothing like this", 1),
    ],
)
def test_what_was_received_decided(events: list[dict[str, Any]], received: str, decided: int) -> None:
    """The report and the picture are about the same event."""
    result = replace(FAILED, received=received, place=Place("a.py", 3), transcript=events)
    assert deciding(result) == decided


def test_bytes_that_differ_decided() -> None:
    """A difference of bytes is found in a message that is not text."""
    data = bytes(range(256))
    other = {**event("received"), "encoding": "base64", "data": base64.b64encode(data).decode()}
    difference = compare(data[:100], data, ("bytes", "bytes"))
    result = replace(FAILED, difference=difference, transcript=[other, text("received", "late")])
    assert deciding(result) == 0


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.NOT_RUN, Outcome.ERROR])
def test_nothing_decided_that_a_requirement_passes(outcome: Outcome) -> None:
    """Only a failure is decided by one event; without events, by nothing."""
    assert deciding(replace(FAILED, outcome=outcome, transcript=[text("received", "a")])) is None
    assert deciding(FAILED) is None


ASKED = event("sent", "GET /a\r\nHost: localhost:20001")
AGAIN = event("sent", "GET /a\r\nHost: localhost:30001")
WELCOME = event("received", "welcome", "handshake")


@pytest.mark.parametrize(
    ("events", "beside", "place"),
    [
        # The answer to the same request, the same number of times.
        ([ASKED, event("received", "404")], [AGAIN, event("received", "200"), CLOSED], 1),
        ([ASKED, event("received", "200"), ASKED, CLOSED], [AGAIN, event("received", "200")] * 2, 3),
        ([ASKED, event("received", "200"), ASKED, CLOSED], [AGAIN, event("received", "200")], None),
        ([ASKED, event("received", "404")], [event("sent", "GET /b"), event("received", "200")], None),
        # Something that was missed came; a handshake is no message.
        ([ASKED, MISSED], [AGAIN, event("received", "200")], 1),
        ([text("sent", "a"), text("received", "b")], [text("sent", "a"), WELCOME, text("received", "c")], 2),
        ([text("sent", "a"), event("received", what="close 1011")], [text("sent", "a"), text("received", "c")], 1),
        # The last note tells how the program ended; of printed lines, only the expected one is known to be right.
        ([event("note", "status 1")], [event("note", "Ctrl+C"), event("note", "status 0")], 1),
        ([event("printed", "b", "standard output")], [event("printed", "c", "standard output")], None),
        ([ASKED, event("received", "404")], [], None),
    ],
)
def test_right_answer_stands_in_the_same_place(
    events: list[dict[str, Any]], beside: list[dict[str, Any]], place: int | None
) -> None:
    """It is what the solution did after the same message, or unknown."""
    assert counterpart(replace(FAILED, transcript=events, beside=beside)) == place


def test_expected_line_is_the_right_one() -> None:
    """Among several printed lines, the one with the expected words is right."""
    difference = compare("From server: a", "from server: a", ("the line", "the line"))
    lines = [event("printed", each, "standard output") for each in ("> ", "From server: a\n> ")]
    result = replace(FAILED, difference=difference, transcript=[event("printed", "from server: a", "standard output")])
    assert counterpart(replace(result, beside=lines)) == 1
