"""A comparison of classes as a table: two columns for each class, with a number and of how many students it is.

The first rows are the classes and their scores, in percent. Then come the requirements of each lab, as the percentage
that passed, and how many students are in two classes, with the correlation of their scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.reports.cells import to_cells
from labcheck.reports.formats import comparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from labcheck.record.comparison import ClassOf, Comparison

    Row = list[str | float]
    Cells = tuple[str | float | None, int | None]

COUNTS = {"graded": "graded", "not graded": "not_graded", "submitted nothing": "nothing", "excused": "excused"}
SCORES = {
    "mean %": "mean",
    "standard deviation": "deviation",
    "lowest %": "lowest",
    "lower quartile %": "lower_quartile",
    "median %": "median",
    "upper quartile %": "upper_quartile",
    "highest %": "highest",
}


@comparison("the comparison as a table")
def render(found: Comparison) -> str:
    """Return the table."""
    head: Row = ["lab", "what", "title"]
    for each in found.classes:
        head += [each.name, f"{each.name}: of"]
    return to_cells([[*head, "change"], *_classes(found), *_requirements(found), *_in_both(found)])


def _classes(found: Comparison) -> Iterator[Row]:
    yield _row("", "lab", "", ((each.lab, None) for each in found.classes))
    yield _row("", "labcheck", "", ((", ".join(each.versions), None) for each in found.classes))
    for title, name in COUNTS.items():
        yield _row("", title, "", ((getattr(each.statistics, name), None) for each in found.classes))
    for title, name in SCORES.items():
        spreads = [each.statistics.percent for each in found.classes]
        yield _row("", title, "", ((spread.to_table()[name], spread.count) for spread in spreads))


def _requirements(found: Comparison) -> Iterator[Row]:
    for lab in found.labs:
        for row in lab.rows:
            results = dict(zip(map(id, lab.classes), row.results, strict=True))
            cells = (results.get(id(each)) for each in found.classes)
            shown = ((each.percent, each.checked) if each else (None, None) for each in cells)
            yield _row(lab.lab, row.id, "; ".join(row.titles), shown, row.change)


def _in_both(found: Comparison) -> Iterator[Row]:
    for pair in found.in_both:
        both = (pair.first, pair.second)
        names = "; ".join(each.name for each in both)
        yield _row("", "students in both", names, _of(found, both, (pair.people, None)))
        yield _row("", "correlation", names, _of(found, both, (pair.correlation, pair.graded)))


def _of(found: Comparison, some: tuple[ClassOf, ...], cells: Cells) -> Iterator[Cells]:
    """Yield the cells for some of the classes, and empty ones for all others."""
    for each in found.classes:
        yield cells if any(each is one for one in some) else (None, None)


def _row(lab: str, what: str, title: str, cells: Iterable[Cells], change: int | None = None) -> Row:
    shown = [*(part for each in cells for part in each), change]
    return [lab, what, title, *("" if each is None else each for each in shown)]
