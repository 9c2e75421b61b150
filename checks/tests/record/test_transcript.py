"""Transcripts: every byte that was exchanged, up to limits."""

from __future__ import annotations

import base64
import time

from hypothesis import given
from hypothesis import strategies as st

from labcheck.record.transcript import ALL_KEPT, FIRST_WORDS, KEPT, MOST_EVENTS, Transcript


def test_pieces_of_a_stream_are_one_message() -> None:
    """Data that arrives in pieces is one message until something else happens; frames are never joined."""
    transcript = Transcript()
    transcript.sent(b"GET /")
    transcript.received(b"HTTP")
    transcript.received(b"/1.1")
    transcript.hung_up("server")
    transcript.received(b"a", "text")
    transcript.received(b"b", "text")
    told = [(event.kind, event.what, bytes(event.data), event.size) for event in transcript.events]
    assert told == [
        ("sent", "", b"GET /", 5),
        ("received", "", b"HTTP/1.1", 8),
        ("hung_up", "", b"the server closed the connection", 32),
        ("received", "text", b"a", 1),
        ("received", "text", b"b", 1),
    ]


def test_pieces_of_two_streams_stay_apart() -> None:
    """What one client receives is no part of another's message, nor bytes a part of a message before them."""
    transcript = Transcript()
    transcript.received(b"quote", "text", "the publisher")
    transcript.received(b"HTTP/1.1 ", who="one client")
    transcript.received(b"200 OK", who="one client")
    transcript.received(b"HTTP/1.1 404", who="another client")
    assert [(event.who, bytes(event.data)) for event in transcript.events] == [
        ("the publisher", b"quote"),
        ("one client", b"HTTP/1.1 200 OK"),
        ("another client", b"HTTP/1.1 404"),
    ]


@given(st.binary(max_size=40))
def test_any_bytes_are_json(data: bytes) -> None:
    """Text is stored as text, anything else as base64: the bytes can be restored."""
    transcript = Transcript()
    transcript.sent(data)
    found = transcript.events[0].to_json()
    text = str(found["data"])
    assert (text.encode() if found["encoding"] == "utf-8" else base64.b64decode(text)) == data
    assert found["size"] == len(data)


def test_excess_is_counted() -> None:
    """There is a limit for one message and for all messages together; sizes give the full length.

    The first words of every message are kept, and what did not arrive, since that may have decided the check.
    """
    transcript = Transcript()
    for _ in range(2 * ALL_KEPT // KEPT):
        transcript.sent(b"x" * (KEPT + 1))
    assert {event.size for event in transcript.events} == {KEPT + 1}
    assert max(len(event.data) for event in transcript.events) == KEPT
    half = ALL_KEPT // KEPT
    assert [len(event.data) for event in transcript.events] == [KEPT] * half + [FIRST_WORDS] * half
    for _ in range(MOST_EVENTS):
        transcript.note("once more")
    assert len(transcript.events) == MOST_EVENTS
    assert bytes(transcript.events[-1].data) == b"once more"
    transcript.missed("no answer within 3 s", 3.0)
    assert len(transcript.events) == MOST_EVENTS + 1


def test_text_that_is_cut_within_a_character_is_still_text() -> None:
    """What is kept of a long text may end within a character, which is then left out; a whole message is exact."""
    transcript = Transcript()
    transcript.sent("日".encode() * KEPT)
    transcript.sent("日".encode()[:2])
    first, second = (event.to_json() for event in transcript.events)
    assert (first["encoding"], first["data"]) == ("utf-8", "日" * (KEPT // 3))
    assert second["encoding"] == "base64"


def test_what_did_not_arrive_is_an_event_with_its_limit() -> None:
    """It says in words what was missed, and how long labcheck waited; if the wait goes on, it is no event."""
    transcript = Transcript()
    transcript.note("Ctrl+C")
    transcript.go_on_waiting()
    transcript.missed("no message within 0.1 s", 0.1, who="Ann")
    transcript.go_on_waiting()
    transcript.missed("the line 'x' was not printed within 3 s", 3.0, "standard output")
    note, missed = (event.to_json() for event in transcript.events)
    assert "seconds" not in note
    assert (missed["kind"], missed["what"], missed["seconds"]) == ("missed", "standard output", 3.0)


def test_limit_of_a_message_holds_for_its_pieces_together() -> None:
    """A message that arrives in pieces is kept up to the limit, and its size is that of all pieces."""
    transcript = Transcript()
    for piece in (b"a" * (KEPT - 1), b"bc", b"d"):
        transcript.received(piece)
    (event,) = transcript.events
    assert bytes(event.data) == b"a" * (KEPT - 1) + b"b"
    assert event.size == KEPT + 2


def test_times_are_seconds_since_the_beginning() -> None:
    """The time of an event counts from the beginning of its transcript, and is never before that of the one before."""
    transcript = Transcript()
    begun = time.monotonic()
    transcript.sent(b"a")
    transcript.received(b"b")
    first, second = (event.at for event in transcript.events)
    assert 0 <= first <= second <= time.monotonic() - begun + 1


def test_preparation_comes_first() -> None:
    """Events before a check come first in its transcript, at time 0, under the client's present name."""
    before, now = Transcript(), Transcript()
    before.note("connected")
    now.typed("hello", "Ann")
    now.resume(before, "Ann")
    assert [(event.kind, event.who, event.at > 0) for event in now.events] == [
        ("note", "Ann", False),
        ("typed", "Ann", True),
    ]


def test_last_request_is_the_one_that_waits_for_its_answer() -> None:
    """Its target is known if no other client had sent a request at the same time, and its answer as far as it came."""
    transcript = Transcript()
    assert (transcript.last_target(), transcript.last_request_line(), transcript.answer()) == ("", "", b"")
    transcript.sent(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (transcript.last_target(), transcript.last_request_line()) == ("/a", "GET /a HTTP/1.1")
    transcript.received(b"HTTP/1.1 200")
    transcript.hung_up("server")
    assert (transcript.last_target(), transcript.answer()) == ("/a", b"HTTP/1.1 200")
    transcript.sent(b"GET /b HTTP/1.1\r\n\r\n")
    assert (transcript.last_target(), transcript.answer()) == ("/b", b"")
    transcript.sent(b"GET /c HTTP/1.1\r\n\r\n")
    assert (transcript.last_target(), transcript.last_request_line()) == ("", "GET /c HTTP/1.1")
    transcript.received(b"HTTP/1.1 200")
    transcript.sent(b"hello")
    assert transcript.last_target() == ""
