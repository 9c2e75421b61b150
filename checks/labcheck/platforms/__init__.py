"""Support for other systems, one file per system: names in its downloads, columns of its roster, its reports, its CI.

Each file in this folder is found automatically, and registers what its system needs:

- a report of one submission, or a file with the grades of a class: in `labcheck.reports.formats`
- file names in its downloads: in `downloads`
- columns of its roster: in `rosters`
- files that run labcheck there: in `ci`

`formats`, `people`, `runner`, `sources` and `actions` are shared by several systems, or used by the command line;
`metadata` reads a file of Gradescope.

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
    """Import all modules, so that every platform registers what it needs."""
    for name in modules():
        import_module(f"{__name__}.{name}")
