"""The report in the terminal: with colors on a terminal, as plain text with the same words elsewhere."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from labcheck.record.record import Outcome
from labcheck.record.text import printable
from labcheck.reports.wording import (
    COMMANDS,
    EXCHANGED,
    NAME,
    NAMES,
    block,
    by_cause,
    changes,
    drawn,
    facts,
    heading,
    label,
    message,
    missing,
    provisional,
    submitted_as,
    summary,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.text import Text

    from labcheck.record.record import Record, RequirementResult

Line = list[tuple[str, str]]  # the parts of a line: text and style

MARKS = {
    Outcome.PASSED: ("ok", "green"),
    Outcome.FAILED: ("FAIL", "bold red"),
    Outcome.NOT_RUN: ("--", "yellow"),
    Outcome.ERROR: ("ERROR", "bold magenta"),
}
PLAIN_WIDTH = 100
ANY_WIDTH = 10_000
MESSAGE = 4000  # characters of a message in an exchange
TICK = "tick"  # the style of a backtick: on a terminal, the words between two of them are bold instead
NARROW = 20  # columns that a text gets at least
MARGIN = 15  # columns to the left of a value's name
SMALL_MARGIN = 4  # the same on a narrow terminal
SMALL = 70  # columns of a terminal that is not narrow
INDENT = "  "
SEPARATOR = " · "


@dataclass(frozen=True)
class Occasion:
    """What is known when a report is written, besides its record.

    Unless `whole` is set, only the first failure is shown in full. `before` are the outcomes of the last run, by the
    ids of the requirements: the report says what has changed. `next_lab` is the lab after this one, if there is one.
    `feedback` is where the course asks for feedback after its last lab: a link, or "".
    """

    whole: bool = True
    before: Mapping[str, str] = field(default_factory=dict)
    next_lab: str = ""
    feedback: str = ""


WHOLE = Occasion()


def write(record: Record, to: IO[str] | None = None, occasion: Occasion = WHOLE) -> None:
    """Write the report to a stream, by default to standard output."""
    stream = to or sys.stdout
    if not stream.isatty():
        for line in lines(record, PLAIN_WIDTH, occasion):
            stream.write("".join(text for text, _ in line).rstrip() + "\n")
        return
    from rich.console import Console

    console = Console(file=stream, highlight=False)
    for line in lines(record, console.width, occasion):
        console.print(styled(line), soft_wrap=True)


def styled(line: Line) -> Text:
    """Return a line for a terminal."""
    from rich.text import Text

    return Text.assemble(*(part for part in line if part[1] != TICK))


def changed(record: Record, before: Mapping[str, str], width: int) -> Iterator[Line]:
    """Yield what has changed since the last run; `before` are its outcomes, by the ids of the requirements."""
    if found := changes(record, before):
        yield from _flow(["since the last run:", *found.split("; ")], width)


def write_exchange(record: Record, id: str) -> None:
    """Write everything that was exchanged for a requirement to standard output, and what it means."""
    requirement = record.requirement(id)
    for event in requirement.transcript:
        text = block(message(event), MESSAGE)
        print(f"{event['at']:7.3f} s  {printable(label(event))}")
        for piece in text.split("\n") if text else []:
            print(f"           {piece}".rstrip())
        if (left_out := missing(event)) > 0:
            print(f"           … {left_out:,} more bytes were not kept")
    print(f"\n{heading(requirement)}: {NAMES[requirement.outcome]} · seed {record.seed}")
    for name, text in _facts(record, requirement, PLAIN_WIDTH):
        if name not in (*EXCHANGED, *COMMANDS):
            for line in _value(name, text, PLAIN_WIDTH):
                print("".join(part for part, _ in line)[MARGIN - 4 :].rstrip())
    print()


def lines(record: Record, width: int, occasion: Occasion = WHOLE) -> Iterator[Line]:
    """Yield the lines of the report, not wider than `width` where possible."""
    first = next(iter(record.of(Outcome.FAILED)), None)
    yield [(f"{record.lab} · {record.title}", "bold")]
    if record.open:
        yield []
        yield from _flow([provisional(record)], width, MARKS[Outcome.ERROR][1])
    for step in record.steps:
        chosen = [each for each in record.requirements_of(step) if each.id in record.selected]
        if not chosen:
            continue
        yield []
        yield [(f"  {step.number}  {step.title}", "bold")]
        for each, *others in by_cause(chosen):
            if others:
                yield from _heading(each.outcome, f"{each.id} to {others[-1].id}", f"not run: {each.reason}", width)
            elif occasion.whole or each is first or each.outcome is Outcome.ERROR:
                yield from requirement(record, each, width, whole=occasion.whole)
            elif each.outcome is Outcome.NOT_RUN:
                yield from _heading(each.outcome, each.id, f"not run: {each.reason}", width)
            else:
                yield from _heading(each.outcome, each.id, each.title, width)
    yield []
    yield from _summary(record, width)
    yield from _last_words(record, first, width, occasion)


def _heading(outcome: Outcome, id: str, text: str, width: int) -> Iterator[Line]:
    """Yield an outcome with an id and a text, which is wrapped under its own column."""
    mark, style = MARKS[outcome]
    start = f"{id:4} "
    margin = 10 + len(start)  # under the text
    pieces = textwrap.wrap(printable(text), max(NARROW, width - margin), break_on_hyphens=False) or [""]
    in_code = False
    for number, piece in enumerate(pieces):
        line = [(" " * margin, "")] if number else [("    ", ""), (f"{mark:5} ", style), (start, "")]
        for place, words in enumerate(piece.split("`")):
            in_code ^= place > 0
            line += [("`", TICK)] if place else []
            line += [(words, "bold" if in_code else "")]
        yield line


def requirement(record: Record, result: RequirementResult, width: int, *, whole: bool = False) -> Iterator[Line]:
    """Yield the lines about one requirement; with `whole`, also where to find more."""
    yield from _heading(result.outcome, result.id, result.title, width)
    for name, text in _facts(record, result, width):
        yield from _value(name, text, width, "dim" if name in EXCHANGED else "")
    if result.outcome is Outcome.FAILED and not result.hidden and whole:
        more = f"labcheck hint {record.lab} {result.id} · lab sheet, step {record.step_of(result).number}"
        yield from _value("more", more, width)


def _facts(record: Record, requirement: RequirementResult, width: int) -> list[tuple[str, str]]:
    """Return the facts, with the first difference drawn for this width."""
    shown = drawn(requirement.difference, _room(width)) if requirement.difference else {}
    return [(name, shown.get(name, text)) for name, text in facts(record, requirement)]


def _room(width: int) -> int:
    return max(NARROW, width - _margin(width) - NAME)


def _margin(width: int) -> int:
    return MARGIN if width >= SMALL else SMALL_MARGIN


def _value(name: str, text: str, width: int, style: str = "") -> Iterator[Line]:
    if not text:
        return
    room = ANY_WIDTH if name in COMMANDS else _room(width)  # a command is not wrapped, so that it can be copied
    wrapped = [
        piece
        for line in text.splitlines()
        for piece in textwrap.wrap(printable(line), room, break_on_hyphens=False, drop_whitespace=False) or [""]
    ]
    for number, piece in enumerate(wrapped):
        yield [(" " * _margin(width), ""), (f"{'' if number else name:{NAME}}", "cyan"), (piece, style)]


def _summary(record: Record, width: int) -> Iterator[Line]:
    style = "bold green" if record.all_passed else "bold"
    yield from _flow([*summary(record).split(SEPARATOR), f"{record.seconds:.1f} s"], width, style)
    if named := submitted_as(record):
        yield from _flow([f"submitted as {named}"], width)
    if record.points_rule:
        yield from _flow([f"points: {record.points_rule}"], width)


def _last_words(record: Record, first: RequirementResult | None, width: int, occasion: Occasion) -> Iterator[Line]:
    """Yield what has changed since the last run, and what to do next."""
    yield from changed(record, occasion.before, width)
    if occasion.whole:
        return
    if first is not None and not first.hidden:
        step = next(step for step in record.steps if first in record.requirements_of(step))
        parts = [f"next: {first.id}", f"labcheck hint {record.lab} {first.id}", f"lab sheet, step {step.number}"]
        if len(record.of(Outcome.FAILED)) > 1:
            parts.append("all failures in full: --all")
        yield from _flow(parts, width)
    else:
        yield from well_done(record, occasion.next_lab, width, occasion.feedback)


def well_done(record: Record, next_lab: str, width: int, feedback: str = "") -> Iterator[Line]:
    """Yield what to do when all requirements of a lab pass; nothing if they do not, or if some were not checked.

    After the last lab, `feedback` is a link, if the course asks for feedback.
    """
    if record.all_passed and len(record.selected) == len(record.requirements):
        yield from _flow(["Well done: everything passes."], width, "bold")
        yield from _flow(["to compare with the solution:", f"labcheck solution {record.lab}"], width)
        yield from _flow(["to go further:", "the end of the lab sheet"], width)
        if next_lab:
            yield from _flow(["the next lab:", f"labcheck start {next_lab}"], width)
        elif feedback:
            yield [(f"{INDENT}tell your course what you think of the labs: {feedback}", "")]  # a link is not wrapped


def _flow(parts: list[str], width: int, style: str = "") -> Iterator[Line]:
    """Yield lines of parts; a part that does not fit in a line begins the next one, and a colon is a separator."""
    lines = [parts[0]]
    for part in parts[1:]:
        longer = f"{lines[-1]}{' ' if lines[-1].endswith(':') else SEPARATOR}{part}"
        if len(INDENT + longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    for line in lines:
        for piece in textwrap.wrap(line, width, initial_indent=INDENT, subsequent_indent=INDENT * 2):
            yield [(piece, style)]
