"""The reports of a class: grades.csv and class.html in the results folder, and exports for other systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.classes.results import read
from labcheck.platforms.formats import find
from labcheck.reports import class_page, clusters
from labcheck.reports.files import write_report, write_reports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from labcheck.record.gradebook import Gradebook
    from labcheck.record.record import Record
    from labcheck.record.result import Result

GRADES, PAGE = "grades.csv", "class.html"


def write(out: Path, gradebook: Gradebook) -> Gradebook:
    """Write the reports of a class into its results folder, and return the gradebook filled with the results.

    Raises UsageError if a report cannot be written. The results are kept.
    """
    names = {entry.key: entry.name for entry in gradebook.entries}
    pages: dict[str, str] = {}

    def keep_page(key: str, record: Record) -> None:
        pages[key] = class_page.pack(record, names[key])

    filled = load(out, gradebook, keep_page)
    # The byte order mark is for Excel, which reads a CSV file as UTF-8 only if it starts with one.
    write_report(out / GRADES, find("whole_class", "csv").render(filled), "utf-8-sig")
    write_report(out / PAGE, class_page.render(filled, pages))
    return filled


def load(out: Path, gradebook: Gradebook, each: Callable[[str, Record], None] | None = None) -> Gradebook:
    """Return the gradebook filled with the results. `each` is called with each key and its complete record.

    After that, large parts of the record that others repeat are dropped, so that a thousand records fit into memory.
    """
    wanted = {entry.key for entry in gradebook.entries if entry.key}
    results: dict[str, Result] = {}
    seen: set[tuple[str, str]] = set()
    for result in read(out):
        if result.key in wanted:
            results[result.key] = result
            if result.record is not None:
                if each is not None:
                    each(result.key, result.record)
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
    """Write a class in other formats, each to a file or to `-`. Raises UsageError if one cannot be written."""
    # All are rendered first, so that an error in one leaves no partial export.
    write_reports({file: find("whole_class", name).render(gradebook) for name, file in files.items()})
