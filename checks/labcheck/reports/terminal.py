"""The report in the terminal: with colors on a terminal, as plain text with the same words elsewhere."""

from __future__ import annotations

import sys
import textwrap
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
    drawn,
    facts,
    heading,
    label,
    message,
    missing,
    summary,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

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
MARGIN = 15  # columns to the left of a value's name


def write(record: Record, to: IO[str] | None = None) -> None:
    """Write the report to a stream, by default to standard output."""
    stream = to or sys.stdout
    if not stream.isatty():
        for line in lines(record, PLAIN_WIDTH):
            stream.write("".join(text for text, _ in line).rstrip() + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    for line in lines(record, console.width):
        console.print(Text.assemble(*line), soft_wrap=True)


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


def lines(record: Record, width: int) -> Iterator[Line]:
    """Yield the lines of the report, not wider than `width` where possible."""
    yield [(f"{record.lab} · {record.title}", "bold")]
    for step in record.steps:
        chosen = [each for each in record.requirements_of(step) if each.id in record.selected]
        if not chosen:
            continue
        yield []
        yield [(f"  {step.number}  {step.title}", "bold")]
        for first, *others in by_cause(chosen):
            if others:
                yield _heading(first.outcome, f"{first.id} to {others[-1].id}", f"not run: {first.reason}")
            else:
                yield from _requirement(record, first, step.number, width)
    yield []
    yield from _summary(record)


def _heading(outcome: Outcome, id: str, text: str) -> Line:
    mark, style = MARKS[outcome]
    return [("    ", ""), (f"{mark:5}", style), (f" {id:4} ", ""), (printable(text), "")]


def _requirement(record: Record, requirement: RequirementResult, step: int, width: int) -> Iterator[Line]:
    yield _heading(requirement.outcome, requirement.id, requirement.title)
    for name, text in _facts(record, requirement, width):
        # A command is not wrapped, so that it can be copied.
        yield from _value(name, text, ANY_WIDTH if name in COMMANDS else width, "dim" if name in EXCHANGED else "")
    if requirement.outcome is Outcome.FAILED and not requirement.hidden:
        yield from _value("more", f"labcheck hint {record.lab} {requirement.id} · lab sheet, step {step}", width)


def _facts(record: Record, requirement: RequirementResult, width: int) -> list[tuple[str, str]]:
    """Return the facts, with the first difference drawn for this width."""
    shown = drawn(requirement.difference, _room(width)) if requirement.difference else {}
    return [(name, shown.get(name, text)) for name, text in facts(record, requirement)]


def _room(width: int) -> int:
    return max(30, width - MARGIN - NAME)


def _value(name: str, text: str, width: int, style: str = "") -> Iterator[Line]:
    if not text:
        return
    wrapped = [
        piece
        for line in text.splitlines()
        for piece in textwrap.wrap(printable(line), _room(width), break_on_hyphens=False, drop_whitespace=False) or [""]
    ]
    for number, piece in enumerate(wrapped):
        yield [(" " * MARGIN, ""), (f"{'' if number else name:{NAME}}", "cyan"), (piece, style)]


def _summary(record: Record) -> Iterator[Line]:
    style = "bold green" if record.all_passed else "bold"
    yield [("  " + summary(record), style), (f" · {record.seconds:.1f} s", "dim")]
