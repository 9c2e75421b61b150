"""A comparison of classes for the terminal, and the words that its page shares with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.record.statistics import FEWEST
from labcheck.record.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labcheck.record.comparison import Comparison, InBoth, OneLab
    from labcheck.record.statistics import Passing

TITLE = 52  # columns of a requirement's title
NOTHING = "—"
RULE = "Scores are in percent of the possible points, of all students with a grade; lateness and your decisions count."
FEW = "In a small class, one or two students change a percentage a lot: look at the number behind it."


def lines(found: Comparison) -> Iterator[str]:
    """Yield the lines of the comparison."""
    head = ["", "class", "lab", "labcheck", "graded", "mean", "median", "std. dev.", "quartiles"]
    yield from _table([head, *(_class(found, place) for place in range(len(found.classes)))], left=4)
    yield from ("", RULE)
    for lab in found.labs:
        yield from ("", *_lab(found, lab))
    if found.in_both:
        yield ""
    for pair in found.in_both:
        yield f"{found.sign(pair.first)} and {found.sign(pair.second)}: {about(pair)}"


def about(pair: InBoth) -> str:
    """Return in words how many students are in two classes, and whether their scores go together."""
    who = "1 student is" if pair.people == 1 else f"{pair.people:,} students are"
    who = f"{who} in both, by e-mail address or ID"
    if not pair.people:
        return who
    if pair.correlation is not None:
        scores = f"correlation of their scores {pair.correlation:.2f} (n = {pair.graded:,}, those with a grade in both)"
    elif pair.graded < FEWEST:
        scores = f"{pair.graded} with a grade in both, too few for a correlation"
    else:
        scores = f"no correlation, because all {pair.graded:,} with a grade in both have the same score in one of them"
    return f"{who}; {scores}"


def change(number: int | None) -> str:
    """Return a change in percentage points with its sign."""
    return NOTHING if number is None else f"{number:+d}".replace("-", "−") if number else "0"


def _class(found: Comparison, place: int) -> list[str]:
    one = found.classes[place]
    spread = one.statistics.percent
    numbers = [f"{spread.mean:.1f} %", f"{spread.median:.1f} %"] if spread.count else [NOTHING] * 2
    deviation = NOTHING if spread.deviation is None else f"{spread.deviation:.1f}"
    quartiles = f"{spread.lower_quartile:.1f} to {spread.upper_quartile:.1f}" if spread.count else NOTHING
    versions = ", ".join(one.versions) or NOTHING
    graded = f"{one.statistics.graded:,}"
    return [found.sign(one), printable(one.name), one.lab, versions, graded, *numbers, deviation, quartiles]


def _lab(found: Comparison, lab: OneLab) -> Iterator[str]:
    yield f"{lab.lab}: the share that passed each requirement, the largest change first"
    head = ["", "", *(found.sign(each) for each in lab.classes), "change"]
    yield from _table([head, *(_row(row.id, row.titles, row.results, row.change) for row in lab.rows)], left=2)
    yield FEW
    if any(len(row.titles) > 1 for row in lab.rows):
        yield "* has another title in another class, so it may not be the same requirement"


def _row(id: str, titles: Sequence[str], results: Sequence[Passing | None], points: int | None) -> list[str]:
    shares = [f"{each.percent} % of {each.checked:,}" if each and each.checked else NOTHING for each in results]
    title = printable(titles[0])
    title = title if len(title) <= TITLE else f"{title[: TITLE - 1].rstrip()}…"
    return [f"{id}{'*' * (len(titles) > 1)}", title, *shares, change(points)]


def _table(rows: Sequence[Sequence[str]], left: int) -> Iterator[str]:
    """Yield the rows with aligned columns: the first ones to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
