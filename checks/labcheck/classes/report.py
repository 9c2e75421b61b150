"""The reports of a class: grades.csv, class.html and copies.html in its results folder, and exports for others."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from labcheck.classes import copies
from labcheck.classes.overrides import overridden
from labcheck.classes.points import keep_points, read_points
from labcheck.classes.register import Register
from labcheck.classes.results import read
from labcheck.classes.roster import find_column, read_roster
from labcheck.classes.rules import Rules, weigh
from labcheck.errors import UsageError
from labcheck.platforms.actions import shielded
from labcheck.platforms.formats import find
from labcheck.record.text import printable
from labcheck.reports import class_page, clusters
from labcheck.reports.files import write_report, write_reports
from labcheck.submission.names import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from labcheck.classes.pseudonyms import Pseudonyms
    from labcheck.record.gradebook import Gradebook
    from labcheck.record.record import Record
    from labcheck.record.result import Result

GRADES, PAGE = "grades.csv", "class.html"


def settled(register: Register, column: str, out_of: float | None) -> Register:
    """Return the register with the column and the possible points that an instructor gives, or that the roster tells.

    Raises UsageError if they contradict the roster.
    """
    if not column:
        return replace(register, out_of=out_of or register.out_of)
    roster = register.roster
    heading = column if roster is None else find_column(roster, column)
    possible = None if roster is None else roster.assignments.get(heading)
    if possible and out_of and possible != out_of:
        raise UsageError(f"column {heading!r} has {possible:g} possible points in the roster; leave out --out-of")
    return replace(register, column=heading, out_of=out_of or possible)


def updated(out: Path, roster: Path | None, column: str, out_of: float | None, points: Path | None = None) -> Register:
    """Return the register of a graded class with what is given anew, and keep it. Raises UsageError.

    `points` is a file with the points of requirements, which are kept, too.
    """
    register = known = Register.load(out)
    if roster is not None:
        register = replace(register, roster=read_roster(roster))
    register = settled(register, column, out_of)
    given = None if points is None else read_points(points, [asked.id for asked in register.requirements])
    if register != known:
        register.save(out)
    if given is not None:
        keep_points(out, given)
    return register


def write(out: Path, gradebook: Gradebook, pseudonyms: Pseudonyms | None = None) -> tuple[Gradebook, str]:
    """Write the reports of a class into its results folder. Return the gradebook filled with the results, and in words
    which programs are similar, or an empty text.

    Raises UsageError if a report cannot be written. The results are kept.
    """
    shown = gradebook if pseudonyms is None else pseudonyms.hide(gradebook)
    names: dict[str, list[str]] = {}  # equal submissions share a page
    for entry in shown.entries:
        names.setdefault(entry.key, []).append(entry.name)
    pages: dict[str, str] = {}

    programs = copies.programs_of(gradebook.lab)

    def keep(result: Result, record: Record) -> None:
        told = record if pseudonyms is None else replace(record, submission="")
        pages[result.key] = class_page.pack(told, listed(names[result.key]))
        if programs is not None:
            programs.add(result.key, result.sources)

    complete = load(out, gradebook, keep, pseudonyms)
    # The byte order mark is for Excel, which reads a CSV file as UTF-8 only if it starts with one.
    write_report(out / GRADES, find("whole_class", "csv").render(complete), "utf-8-sig")
    similar = copies.write(out, complete, programs)
    write_report(out / PAGE, class_page.render(complete, pages, similar))
    return complete, similar


def load(
    out: Path,
    gradebook: Gradebook,
    each: Callable[[Result, Record], None] | None = None,
    pseudonyms: Pseudonyms | None = None,
) -> Gradebook:
    """Return the gradebook filled with the results, with the course's rules and what the instructor has decided.

    For `each`, see `filled`. With `pseudonyms`, it names nobody. Raises UsageError if a file cannot be used.
    """
    rules = Rules.read(out, tuple(asked.id for asked in gradebook.requirements))
    complete = overridden(rules.with_lateness(filled(out, rules.with_points(gradebook), each)), out)
    return complete if pseudonyms is None else pseudonyms.hide(complete)


def filled(out: Path, gradebook: Gradebook, each: Callable[[Result, Record], None] | None = None) -> Gradebook:
    """Return the gradebook filled with the results, whose requirements have its points.

    `each` is called with each result and its complete record.

    After that, the programs and large parts of the record that others repeat are dropped, so that a thousand records
    fit into memory.
    """
    wanted = {entry.key for entry in gradebook.entries if entry.key}
    results: dict[str, Result] = {}
    seen: set[tuple[str, str]] = set()
    for result in read(out):
        if result.key in wanted:
            results[result.key] = replace(result, sources=())
            if result.record is not None:
                weigh(result.record, gradebook.requirements)
                if each is not None:
                    each(result, result.record)
                _shorten(result.record, seen)
    return gradebook.filled(results)


def _shorten(record: Record, seen: set[tuple[str, str]]) -> None:
    """Drop the programs' output, and every transcript except the first one for each kind of failure."""
    for program in record.programs:
        program.stdout = program.stderr = ""
    for requirement in record.requirements:
        if requirement.transcript:
            known = requirement.id, clusters.signature(requirement)
            if known in seen:
                requirement.transcript = []
            seen.add(known)


def export(gradebook: Gradebook, files: Mapping[str, str]) -> None:
    """Write a class in other formats, each to a file or to `-`, and print what to know before they are imported.

    Raises UsageError if one cannot be written.
    """
    formats = {file: find("whole_class", name) for name, file in files.items()}
    # All are rendered first, so that an error in one leaves no partial export.
    write_reports({file: each.render(gradebook) for file, each in formats.items()})
    for file, each in formats.items():
        for warning in each.warns(gradebook):
            print(shielded(printable(f"{file}: {warning}")), file=sys.stderr)
