"""The wording that the reports share: what they say about a requirement, and transcripts as readable text."""

from __future__ import annotations

import base64
import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labcheck.record.deciding import counterpart
from labcheck.record.difference import cut
from labcheck.record.record import Outcome
from labcheck.record.text import last_lines, printable, shorten, within
from labcheck.record.transcript import AT_THE_END

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from labcheck.record.difference import Difference
    from labcheck.record.record import Record, RequirementResult

SHOWN_LINES = 7  # lines of one message's head in a short report
SHOWN_EVENTS = 6  # frames and lines in a short report
SHOWN_TEXT = 100  # characters of one of those frames or lines
SHOWN_WIDTH = 160  # characters of one of those lines of a head
MOST_LISTED = 8  # ids in one list
DUMPED = 256  # bytes shown in hexadecimal
EXPLAINED = 10_000  # characters of an explanation
NAME = 11  # columns of a value's name
EXCHANGED = ("happened", "request", "answer", "then", "right")  # names of the values that show an exchange
COMMANDS = ("by hand", "replay")  # names of the values that a reader copies
UNCHECKED = "could not be checked (internal error in labcheck)"
STREAMS = {"standard output": "stdout", "standard error": "stderr"}
REMARKS = {"note", "hung_up", "missed"}  # kinds of events without bytes
NAMES = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.NOT_RUN: "not run",
    Outcome.ERROR: "error",
}
# For test formats with fewer outcomes: a requirement that was not run does not pass.
TEST_STATUS = {Outcome.PASSED: "pass", Outcome.FAILED: "fail", Outcome.NOT_RUN: "fail", Outcome.ERROR: "error"}
BACKGROUND = {"host", "connection", "server", "date"}  # header fields that do not help to explain a failure


def block(text: str, limit: int | None = None) -> str:
    """Return a text of several lines with all characters printable, in up to `limit` characters."""
    if limit is None:
        plain = text.replace("\r\n", "\n")
        if plain.replace("\n", "").isprintable():  # true for most texts, and fast
            return plain.removesuffix("\n")
        return "\n".join(map(printable, text.splitlines()))
    # Shorten it first, too: it takes long to escape characters that are then left out.
    return within(block(within(text, limit)), limit)


def heading(requirement: RequirementResult) -> str:
    """Return the requirement's id and title in one line."""
    return f"{requirement.id} {printable(requirement.title)}"


def by_cause(requirements: Iterable[RequirementResult]) -> list[list[RequirementResult]]:
    """Group requirements: neighbors that were not run for the same reason, and each of the others by itself."""
    groups: list[list[RequirementResult]] = []
    for each in requirements:
        before = groups[-1][0] if groups else None
        if before and each.outcome is before.outcome is Outcome.NOT_RUN and each.reason == before.reason:
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def cause(record: Record, requirement: RequirementResult) -> str:
    """Return why a requirement was not run; for a program that Python cannot read, the line in it."""
    first = record.first_of(record.step_of(requirement).program)
    if first.excerpt and first.place and first is not requirement:
        return f"{first.excerpt.kind} in {first.place.file}, line {first.place.line}"
    return requirement.reason


def facts(record: Record, requirement: RequirementResult) -> list[tuple[str, str]]:
    """Return what to report about a requirement that did not pass: names and texts, in the order of the report."""
    if requirement.outcome is Outcome.PASSED:
        return []
    if requirement.outcome is Outcome.NOT_RUN:
        return [("not run", requirement.reason)]
    if requirement.outcome is Outcome.ERROR:
        return [("error", requirement.reason), ("note", "an error earns no point and costs none: the grade stays open")]
    found = [("expected", requirement.expected), ("received", requirement.received), ("note", requirement.reason)]
    for program in record.programs_of(requirement)[:1]:
        if program.verdict != "ready" and requirement.id == record.first_of(program.name).id:
            found.append(("stderr", _without_marks(last_lines(program.stderr))))
    printed = [
        (STREAMS[event["what"].removesuffix(AT_THE_END)], _without_marks(message(event)))
        for event in requirement.transcript
        if event["what"].endswith(AT_THE_END)
    ]
    right = [("right", _right(requirement))] if requirement.beside else []
    again = [("by hand", requirement.by_hand), ("replay", replay(record, requirement))]
    return [*found, *last_exchange(requirement.transcript), *right, *again, *printed]


def drawn(difference: Difference, room: int) -> dict[str, str]:
    """Return the lines that show what was expected and what was received, up to `room` columns wide.

    The two pieces are in the same columns, and a caret is under the first difference.
    """
    expected, received = cut(difference, room)
    width = max(len(each.title) for each in (difference.expected, difference.received) if each)
    beside = width + bool(width) if width < room // 3 else 0  # columns of the titles, if they fit beside the pieces
    if beside:
        expected, received = cut(difference, room - beside)
    found = {}
    if difference.expected and expected:
        found["expected"] = _beneath(difference.expected.title, str(expected), beside)
    caret = " " * beside + received.caret
    gap = " " if len(caret) + len(difference.where) < room else "\n"
    found["received"] = f"{_beneath(difference.received.title, str(received), beside)}\n{caret}{gap}{difference.where}"
    return found


def _beneath(title: str, piece: str, beside: int) -> str:
    """Return a piece beside its title or, if that is too long, beneath it."""
    return f"{title.rjust(beside - 1)} {piece}" if beside else f"{title}\n{piece}".lstrip("\n")


def replay(record: Record, requirement: RequirementResult) -> str:
    """Return the command that repeats what was exchanged; it names the folder if labcheck would not find it.

    Empty if the details of the requirement are not shown.
    """
    if requirement.hidden:
        return ""
    folder = "" if _is_found(record) else f" {shlex.quote(record.submission)}"
    return f"labcheck replay {record.lab} {requirement.id} --seed {record.seed}{folder}"


def _is_found(record: Record) -> bool:
    """Return whether labcheck finds the folder without its name, or does not know where it was."""
    folder = Path(record.submission)
    if len(folder.parts) < 2:
        return True
    with contextlib.suppress(OSError):  # the current folder is gone
        usual = Path(record.lab)
        return folder == (usual if usual.is_dir() else Path()).resolve()
    return False


def explanation(record: Record, requirement: RequirementResult, limit: int = EXPLAINED) -> str:
    """Return the facts as plain text, in up to `limit` characters, each line of it printable."""
    lines = []
    for name, text in facts(record, requirement):
        for number, line in enumerate(block(text, limit).split("\n") if text else []):
            lines.append(f"{'' if number else name:{NAME}}{line}".rstrip())
    return within("\n".join(lines), limit)


def summary(record: Record) -> str:
    """Return in one line how many requirements pass, and the outcomes of the others."""
    passed, asked = len(record.of(Outcome.PASSED)), len(record.selected)
    parts = [f"{passed} of {asked} requirements pass"]
    for outcome, words in ((Outcome.FAILED, "failed"), (Outcome.NOT_RUN, "not run"), (Outcome.ERROR, UNCHECKED)):
        if number := len(record.of(outcome)):
            parts.append(f"{number} {words}")
    if asked < len(record.requirements):
        parts.append(f"{len(record.requirements) - asked} not selected")
    return " · ".join([*parts, f"seed {record.seed}"])


def provisional(record: Record) -> str:
    """Return in words that the score is no grade yet, because something could not be checked; "" if it is one."""
    if not record.open:
        return ""
    return (
        f"The points are provisional: {_listed(record.open)} could not be checked. The cause may be a bug in labcheck, "
        "or something unusual that the program does: somebody has to look at it."
    )


def submitted_as(record: Record) -> str:
    """Return in words under which names the programs were submitted; "" if all had those of the lab."""
    return ", ".join(f"{printable(name)} (checked as {file})" for file, name in record.originals.items())


def changes(record: Record, before: Mapping[str, str]) -> str:
    """Return in words which requirements have another outcome than before; `before` are the outcomes by id."""
    known = [each for each in record.of(*Outcome) if each.id in before]
    passed_before = [each for each in known if before[each.id] == Outcome.PASSED]
    groups = (
        ("passes", "pass", [each.id for each in known if each.outcome is Outcome.PASSED and each not in passed_before]),
        ("fails", "fail", [each.id for each in passed_before if each.outcome is Outcome.FAILED]),
        ("is not run", "are not run", [each.id for each in passed_before if each.outcome is Outcome.NOT_RUN]),
    )
    return "; ".join(f"{_listed(ids)} {one if len(ids) == 1 else many} now" for one, many, ids in groups if ids)


def _listed(ids: list[str]) -> str:
    """Return up to MOST_LISTED ids, and how many more there are."""
    shown, more = ids[:MOST_LISTED], len(ids) - MOST_LISTED
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def message(event: dict[str, Any]) -> str:
    """Return the bytes of an event as text: unchanged if they are UTF-8, otherwise escaped."""
    if event["kind"] == "typed" and not event["data"]:
        return "an empty line"
    if event["encoding"] == "utf-8":
        return str(event["data"])
    data = base64.b64decode(event["data"])
    head, gap, body = data.partition(b"\r\n\r\n")
    try:
        shown = head.decode("ascii") + gap.decode()
    except UnicodeDecodeError:
        shown, body = "", data
    return shown + "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in body)


def hexadecimal(event: dict[str, Any]) -> str:
    """Return the first bytes of an event as a table, 16 in a line; empty if they are text."""
    if event["encoding"] == "utf-8":
        return ""
    data = base64.b64decode(event["data"])
    lines = [f"{at:04x}  {data[at : at + 16].hex(' ')}" for at in range(0, min(len(data), DUMPED), 16)]
    return "\n".join([*lines, "…"] if len(data) > DUMPED else lines)


def missing(event: dict[str, Any]) -> int:
    """Return how many bytes of the event are missing from the transcript."""
    kept = len(event["data"].encode()) if event["encoding"] == "utf-8" else len(base64.b64decode(event["data"]))
    return int(event["size"]) - kept


def last_exchange(transcript: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the last exchange in a few lines: a request and its answer, or what happened after them.

    Each text comes with its name: `request`, `answer` or `then`; `happened` if there are more than one of each.
    """
    transcript = [event for event in transcript if not _is_told_elsewhere(event)]
    if any(event["what"] or event["kind"] == "typed" for event in transcript):
        return [("happened", "\n".join(map(_in_a_line, transcript[-SHOWN_EVENTS:])))]
    place = max((place for place, event in enumerate(transcript) if event["kind"] == "sent"), default=None)
    if place is None:
        return []
    remarks = [event for event in transcript[place:] if event["kind"] in REMARKS]
    if remarks and remarks[-1]["kind"] == "note":
        return [("then", " · ".join(message(event) for event in remarks if event["kind"] == "note"))]
    names = {"sent": "request", "received": "answer"}
    return [
        (names[event["kind"]], _in_short(message(event))) for event in transcript[place:] if event["kind"] in names
    ][:2]


def folded(transcript: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """Divide a transcript: how many exchanges come before the last one (in words), their events, and the last events.

    Where messages go to and fro, the last events are SHOWN_EVENTS or more.
    """
    messages = any(event["what"] or event["kind"] == "typed" for event in transcript)
    begins = {"typed"} if any(event["kind"] == "typed" for event in transcript) else {"sent"}
    starts = [
        place
        for place, event in enumerate(transcript)
        if place and event["kind"] in begins and transcript[place - 1]["kind"] not in begins
    ]
    most = len(transcript) - (SHOWN_EVENTS if messages else 0)
    earlier = [place for place in starts if place <= most]
    if not earlier:
        return "", [], transcript
    words = f"{len(earlier)} earlier {'exchange' if len(earlier) == 1 else 'exchanges'}"
    return words, transcript[: earlier[-1]], transcript[earlier[-1] :]


def _is_told_elsewhere(event: dict[str, Any]) -> bool:
    """Return whether the facts about a requirement say it: what was printed at the end, or which line is missing."""
    what: str = event["what"]
    return what.endswith(AT_THE_END) or (event["kind"] == "missed" and bool(what))


def _without_marks(text: str) -> str:
    """Return lines without those that only point at a part of the line above, as in tracebacks."""
    return "\n".join(line for line in text.splitlines() if line.strip(" ^~"))


def label(event: dict[str, Any]) -> str:
    """Return which side did what: `client 1 sent text`."""
    did = {"missed": "waited", "note": "note", "hung_up": "note"}.get(event["kind"], event["kind"])
    return " ".join(filter(None, (event["who"], did, event["what"] if event["kind"] != "missed" else "")))


def measure(event: dict[str, Any]) -> str:
    """Return when it happened, and how many bytes it has, if any."""
    size = "" if event["kind"] in REMARKS else f" · {event['size']:,} bytes"
    return f"at {event['at']:.3f} s{size}"


def _in_a_line(event: dict[str, Any]) -> str:
    text = message(event)
    if event["kind"] in REMARKS:
        return f"{event['who']} {text}".strip() if event["kind"] != "missed" else f"{label(event)}: {text}"
    if event["what"] == "handshake":
        text = text.partition("\r\n")[0]
    elif event["kind"] == "printed":
        text = text.strip("\n")
    shown = shorten(text.replace("\n", " ⏎ "), SHOWN_TEXT)
    large = event["size"] > SHOWN_WIDTH and event["what"] != "handshake" and event["kind"] != "printed"
    size = f" ({event['size']:,} bytes)" if large else ""
    return f"{label(event)}{size}: {shown}" if shown or not event["what"].startswith("close") else label(event)


def _right(requirement: RequirementResult) -> str:
    """Return what a right program did in the same place; its last exchange if that place is unknown."""
    place = counterpart(requirement)
    if place is None:
        return next((text for _, text in reversed(last_exchange(requirement.beside))), "")
    event = requirement.beside[place]
    return _in_short(message(event)) if event["kind"] == "received" and not event["what"] else _in_a_line(event)


def _in_short(text: str) -> str:
    """Return the first line, the headers that may explain a failure, and the beginning of the body."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *headers = head.split("\n")
    lines = [first, *(line for line in headers if line.partition(":")[0].lower() not in BACKGROUND)]
    shown = [shorten(line, SHOWN_WIDTH) for line in lines[:SHOWN_LINES]]
    if body.strip():
        shown += ["", shorten(" ".join(body.split()), SHOWN_WIDTH)]
    return "\n".join(shown)
