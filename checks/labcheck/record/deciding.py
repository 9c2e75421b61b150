"""Which event of a transcript decided that a requirement fails.

It is the one that shows what the report calls received: the answer, the frame, the printed line, or the silence. If no
event shows it, the program's last act decides, after the last thing that labcheck did.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from labcheck.record.record import Outcome
from labcheck.record.transcript import AT_THE_END

if TYPE_CHECKING:
    from labcheck.record.record import RequirementResult

TELLING = 3  # characters; a shorter text occurs in another one by chance
CUT = "(1006)"  # the close code for a connection that was closed without a close frame


def deciding(requirement: RequirementResult) -> int | None:
    """Return the place of the deciding event in the transcript; None if the requirement does not fail, or none did."""
    events = requirement.transcript
    if requirement.outcome is not Outcome.FAILED or not events:
        return None
    own = [place for place, event in enumerate(events) if _is_its_own(event)]
    # If a line was missed, it may have been printed with other words; a message is something else.
    line_is_missed = bool(own) and events[own[-1]]["kind"] == "missed" and bool(events[own[-1]]["what"])
    known = [place for place in own if not line_is_missed or events[place]["kind"] in ("printed", "missed")]
    found = max(((_likeness(requirement, events[place]), place) for place in known), default=((0, 0, 0), 0))
    if found[0] > (0, 0, 0):
        return found[1]
    last = max((place for place, event in enumerate(events) if _is_ours(event)), default=-1)
    after = [place for place in own if place > last]
    for kinds in (("missed",), ("received", "printed", "note"), ("hung_up",)):  # a server hangs up after each answer
        if of_kind := [place for place in after if events[place]["kind"] in kinds]:
            return of_kind[-1]
    return max(0, last)


def counterpart(requirement: RequirementResult) -> int | None:
    """Return the place in `beside` of what the solution did where the deciding event happened; None if that is unknown.

    It follows the same message or typed line, and is the first message on the same connection, the line that was
    expected, or the last note. Where the program sent no message, it is the one that the solution sent.
    """
    decided, right = deciding(requirement), requirement.beside
    if decided is None or not right:
        return None
    before = [event for event in requirement.transcript[:decided] if _is_ours(event)]
    begin = -1
    if before:
        asked = _asked(before[-1])
        number = sum(_asked(event) == asked for event in before)
        same = [place for place, event in enumerate(right) if _is_ours(event) and _asked(event) == asked]
        if len(same) < number:
            return None
        begin = same[number - 1]
    event, difference = requirement.transcript[decided], requirement.difference
    is_silence = event["kind"] == "hung_up" or (event["kind"] == "missed" and not event["what"])
    kind = "received" if is_silence else "printed" if event["kind"] == "missed" else event["kind"]
    alike = [place for place in range(begin + 1, len(right)) if _is_alike(right[place], event, kind)]
    if kind == "note":
        return alike[-1] if alike else None
    expected = difference.expected.text if difference and difference.expected else ""
    told = [place for place in alike if expected and expected in _text(right[place])]
    if kind == "printed" and not told:
        told = [place for place in alike if (line := _text(right[place]).strip()) and line in requirement.expected]
    return next(iter(told or (alike if kind == "received" else [])), None)


def _asked(event: dict[str, Any]) -> tuple[str, str, str]:
    """Return what identifies a message of labcheck in two runs with the same seed; the other header fields differ."""
    return event["kind"], event["who"], event["data"].partition("\r\n")[0]


def _is_alike(event: dict[str, Any], other: dict[str, Any], kind: str) -> bool:
    """Return whether an event of the solution may be what another one should have been."""
    known = other["kind"] != "missed" and not other["what"].startswith("close")  # instead of these, anything may come
    what = other["what"].partition(" ")[0] if known else ""
    return bool(event["kind"] == kind and event["who"] == other["who"] and event["what"].startswith(what))


def _is_ours(event: dict[str, Any]) -> bool:
    """Return whether labcheck did it; the answer to a close frame is the library's."""
    return event["kind"] == "typed" or (event["kind"] == "sent" and not event["what"].startswith("close"))


def _is_its_own(event: dict[str, Any]) -> bool:
    """Return whether the program did it, as far as the record tells; its last lines are no event in time."""
    return event["kind"] not in ("sent", "typed") and not event["what"].endswith(AT_THE_END)


def _likeness(requirement: RequirementResult, event: dict[str, Any]) -> tuple[int, int, int]:
    """Return how much an event is like what was received: equal texts are most, then the longest part in common."""
    received, difference = requirement.received, requirement.difference
    if requirement.place is not None:
        received = received.replace(f" ({requirement.place.file}, line {requirement.place.line})", "")
    if event["kind"] == "hung_up":
        return (0, len(CUT), 0) if CUT in received else (0, 0, 0)
    text = event["what"].replace("close", "code") if event["what"].startswith("close") else _text(event)
    piece = difference.received.text if difference else ""
    if text and text in (piece, received):
        return 1, len(text), 0
    pairs = [(piece, text), (received, text), (text.strip(), received)]
    common = max(len(part) if len(part) >= TELLING and part in whole else 0 for part, whole in pairs)
    return 0, common, -len(text) if common else 0


def _text(event: dict[str, Any]) -> str:
    """Return the data as text; bytes that are not UTF-8 as Latin-1, as in a difference of bytes."""
    return base64.b64decode(event["data"]).decode("latin-1") if event["encoding"] == "base64" else str(event["data"])
