"""Compares the programs of a class with each other; copies.html and copies.csv show what they share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.reports.copies import page
from labcheck.reports.copies.pairs import Programs
from labcheck.reports.files import write_report
from labcheck.submission.sources import read_sources
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.record.gradebook import Gradebook

PAGE, TABLE = "copies.html", "copies.csv"
CODE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)  # in a sheet


def programs_of(lab: str) -> Programs | None:
    """Return the comparison for a lab, still without programs; None if this labcheck does not have the lab.

    Without the starter files, nobody can tell what students have in common because they were given it.
    """
    try:
        starter = load_lab(lab).starter
    except UsageError:
        return None
    sheet = starter / "README.md"
    code = CODE.findall(sheet.read_text("utf-8")) if sheet.is_file() else []
    return Programs(read_sources(starter), code)


def write(out: Path, gradebook: Gradebook, programs: Programs | None) -> str:
    """Write the page and the table, and return in words what is in them; empty if nothing is."""
    similar = None if programs is None else programs.compare(gradebook.entries)
    if similar is None or not similar.programs:
        return ""
    write_report(out / PAGE, page.render(gradebook, similar))
    # The byte order mark is for Excel, which reads a CSV file as UTF-8 only if it starts with one.
    write_report(out / TABLE, page.table(similar), "utf-8-sig")
    return str(similar)
