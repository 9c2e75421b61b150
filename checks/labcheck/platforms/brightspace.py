"""Brightspace (D2L): a file to import into its gradebook, and the names in its downloads.

In its tables, an ID begins with `#`, so that a spreadsheet keeps its zeros, and the last column of each row is `#`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labcheck.platforms.downloads import Part, download, files_in, folders_in, moment
from labcheck.platforms.people import grades_of, lacking, sharing, without
from labcheck.platforms.rosters import columns, form, no_assignment, title, title_of
from labcheck.reports.cells import to_cells
from labcheck.reports.formats import whole_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from labcheck.record.gradebook import Gradebook

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Brightspace's own text comes first: the name of a student's file may look like it, too.
NAME = re.compile(
    r"(?P<number>\d+)-\d+ - (?P<label>.+?) - "
    r"(?:(?P<month>[A-Z][a-z]{2,8}) (?P<day>\d\d?)|(?P<first_day>\d\d?) (?P<later_month>[A-Z][a-z]{2,8})),? "
    r"(?P<year>\d{4}) (?P<hour>\d\d?)(?P<minute>\d\d)(?: (?P<half>AM|PM))?(?: - (?P<file>.+))?"
)


@download("index.html")
def read_submissions(entries: Sequence[Path]) -> Iterator[Part]:
    """Read `6101-77 - Ada Lovelace - Jan 2, 2025 1011 AM`, a folder or, with ` - webserver.py` behind it, a file.

    The name may be that of a group. A folder has the files of one submission; a student may have several.
    """
    for entry in entries:
        found = NAME.fullmatch(entry.name)
        if found is None or entry.is_dir() == bool(found["file"]):
            continue
        version, submitted = _time(found)
        single = entry.is_dir() and not folders_in(entry)
        for path in (single and files_in(entry)) or [entry]:
            yield Part(
                path,
                found["label"],
                ((("name", found["label"]), ("group", found["label"])),),
                found["number"],
                found["file"] or ("" if path.is_dir() else path.name),
                version=version,
                submitted=submitted,
            )


def _time(found: re.Match[str]) -> tuple[tuple[int, ...], str]:
    """Return when it was submitted. The colon is not in a file name: 1011 AM is 10:11."""
    month = (found["month"] or found["later_month"])[:3].lower()
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + 12 * (found["half"] == "PM")
    day = int(found["day"] or found["first_day"])
    number = MONTHS.index(month) + 1 if month in MONTHS else 0
    return moment(f"{found['year']}-{number:02}-{day:02} {hour:02}:{found['minute']}:00")


def warnings(gradebook: Gradebook) -> Iterator[str]:
    """Yield whom Brightspace cannot find."""
    unknown = without(gradebook, lambda person: person.id or person.sis_login_id)
    yield from lacking(unknown, "OrgDefinedId or user name", "Brightspace cannot find them")
    yield from sharing(gradebook, "user name", lambda person: person.sis_login_id)


@whole_class("a file to import into a Brightspace gradebook", warnings)
def render(gradebook: Gradebook) -> str:
    """Return the table: a row for each person with a grade.

    Raises UsageError if the class was graded without a roster.
    """
    rows = [(person, points) for person, _, points in grades_of(gradebook, "Brightspace")]
    # A column without a single cell is left out, because either is enough to find a student.
    keys = {"OrgDefinedId": [_marked(each.id) for each, _ in rows]}
    keys["Username"] = [_marked(each.sis_login_id) for each, _ in rows]
    used = [name for name, cells in keys.items() if any(cells)] or [*keys]
    table: list[list[str | float]] = [[*used, _heading(gradebook.column), "End-of-Line Indicator"]]
    for place, (_, points) in enumerate(rows):
        table.append([*(keys[name][place] for name in used), points, "#"])
    return to_cells(table)


def _marked(text: str) -> str:
    return f"#{text}" if text else ""


def _heading(column: str) -> str:
    return column if " Points Grade" in column else f"{title_of(column)[0]} Points Grade"


columns(id="orgdefinedid")
for heading in ("orgdefinedid", "username"):
    form("brightspace", (heading, "endoflineindicator"), is_gradebook=True)
no_assignment("endoflineindicator")
title(r"(?P<title>.+) Points Grade(?: <.*?MaxPoints:(?P<points>[\d.,]+).*>)?")
