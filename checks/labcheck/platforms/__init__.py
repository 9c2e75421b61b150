"""What belongs to one system, a file each: names in its downloads, columns of its roster, its reports, its CI.

A file registers what its system has, and is found by being here:

- a report of one submission, or a file with the grades of a class: `labcheck.reports.formats`;
- names in its downloads: `downloads`; columns of its roster: `rosters`;
- what runs labcheck there: `ci`.

`formats`, `people`, `runner` and `actions` are what several of them, or the command line, need.

May import: reports, record, workbook, errors, version.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path


@cache
def modules() -> list[str]:
    """Return the names of this room's modules."""
    return sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))


@cache
def load_all() -> None:
    """Let every platform register what it has."""
    for name in modules():
        import_module(f"{__name__}.{name}")
