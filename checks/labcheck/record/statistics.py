"""The statistics of a class: how its scores are distributed, and which requirements are hard.

The rule everywhere: a score is that of a grade. It counts what was measured, less what being late costs, or what an
instructor has decided. A student who submitted nothing, or whose grade is open, has no score. A student who is excused
is not counted in anything.
"""

from __future__ import annotations

import math
import re
import statistics
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from labcheck.record.gradebook import Entry, Gradebook
    from labcheck.record.people import Person

BARS = 14  # of a histogram, at most
HARDEST = 5  # requirements
TEAM = 5  # groups that are smaller on average are teams that work together, not sections of a class
FEWEST = 5  # pairs of scores for a correlation


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram: how many values are in its range, and its length as a share of the longest bar.

    The range includes its start, but not its end.
    """

    label: str
    start: float
    end: float
    count: int
    share: float


@dataclass(frozen=True)
class Spread:
    """How `count` scores are distributed. A number that they do not have is None.

    The standard deviation is that of a sample (divided by `count` - 1). The quartiles are interpolated between the
    lowest and the highest score, as spreadsheets do it (QUARTILE.INC).
    """

    count: int
    mean: float | None = None
    deviation: float | None = None
    lowest: float | None = None
    lower_quartile: float | None = None
    median: float | None = None
    upper_quartile: float | None = None
    highest: float | None = None

    @classmethod
    def of(cls, scores: Iterable[float]) -> Spread:
        """Return the distribution of these scores."""
        found = sorted(scores)
        if not found:
            return cls(0)
        # Python before 3.13 has no quartiles of a single value.
        lower, middle, upper = statistics.quantiles(found, method="inclusive") if len(found) > 1 else found * 3
        deviation = statistics.stdev(found) if len(found) > 1 else None
        return cls(len(found), statistics.fmean(found), deviation, found[0], lower, middle, upper, found[-1])

    def places(self, end: float) -> dict[str, float]:
        """Return where the numbers are on an axis from 0 to `end`, in percent of its length."""
        numbers = {name: number for name, number in self.to_table().items() if number is not None}
        return {name: 100 * min(1, max(0, number) / (end or 1)) for name, number in numbers.items()}

    def to_table(self) -> dict[str, float | None]:
        """Return the numbers by name, for JSON, with at most four decimals."""
        return {name: None if number is None else round(number, 4) for name, number in asdict(self).items()}


@dataclass(frozen=True)
class Passing:
    """The outcomes of a requirement: those of the submissions that were checked."""

    id: str
    title: str
    passed: int = 0
    failed: int = 0
    not_run: int = 0
    error: int = 0

    @property
    def checked(self) -> int:
        """The number of submissions that were checked, also if this requirement was not run."""
        return self.passed + self.failed + self.not_run + self.error

    @property
    def percent(self) -> int | None:
        """The share that passed, or None if nothing was checked. Not rounded up: 100 % is everybody."""
        return 100 * self.passed // self.checked if self.checked else None


@dataclass(frozen=True)
class Statistics:
    """The statistics of a class.

    `graded`, `not_graded`, `nothing` and `open` are as in Gradebook; `to_review` are submissions whose grade the
    instructor should look at, and `checked` those with a record. `scores` are in points of the lab, `percent` in
    percent of the possible points. `sections` are those of the graded students, by the roster; empty if it has none.
    """

    graded: int
    not_graded: int
    nothing: int
    open: int
    excused: int
    to_review: int
    checked: int
    scores: Spread
    percent: Spread
    histogram: tuple[Bar, ...]
    sections: tuple[tuple[str, Spread], ...]
    requirements: tuple[Passing, ...]

    @classmethod
    def of(cls, gradebook: Gradebook) -> Statistics:
        """Return the statistics of a class."""
        graded = [(entry, entry.score) for entry in gradebook.entries if entry.score is not None]
        scores = [score for _, score in graded]
        is_whole = all(score == int(score) for score in scores)
        percents = (percent_of(gradebook, entry) for entry in gradebook.entries)
        return cls(
            graded=gradebook.graded,
            not_graded=gradebook.not_graded,
            nothing=gradebook.nothing,
            open=gradebook.open,
            excused=sum(entry.is_excused for entry in gradebook.entries),
            to_review=sum(entry.is_a_problem for entry in gradebook.entries),
            checked=sum(entry.record is not None and not entry.is_excused for entry in gradebook.entries),
            scores=Spread.of(scores),
            percent=Spread.of(percent for percent in percents if percent is not None),
            histogram=tuple(histogram(scores, whole=is_whole, most=gradebook.max_score)),
            sections=tuple(_sections([(entry.person, score) for entry, score in graded if entry.person])),
            requirements=tuple(_passing(gradebook)),
        )

    def to_table(self) -> dict[str, Any]:
        """Return the statistics as objects for JSON."""
        counts = ("graded", "not_graded", "nothing", "open", "excused", "to_review", "checked")
        return {
            **{name: getattr(self, name) for name in counts},
            "scores": self.scores.to_table(),
            "percent": self.percent.to_table(),
            "histogram": [{"from": bar.start, "to": bar.end, "count": bar.count} for bar in self.histogram],
            "sections": {name: spread.to_table() for name, spread in self.sections},
            "requirements": [asdict(each) for each in self.requirements],
        }

    @cached_property
    def hardest(self) -> list[Passing]:
        """The requirements that the smallest shares pass, the hardest first; one that everybody passes is not hard."""
        hard = [each for each in self.requirements if each.passed < each.checked]
        return sorted(hard, key=lambda each: (each.passed / each.checked, -each.failed))[:HARDEST]


def percent_of(gradebook: Gradebook, entry: Entry) -> float | None:
    """Return the score in percent of the possible points; None if there is no score, or no point is possible."""
    most = gradebook.most(entry)
    return None if entry.score is None or not most else 100 * entry.score / most


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return Pearson's correlation of pairs of scores; None for fewer than FEWEST pairs, or if all scores are equal."""
    if len(pairs) < FEWEST:
        return None
    try:
        return statistics.correlation(*zip(*pairs, strict=True))
    except statistics.StatisticsError:
        return None


def histogram(values: Sequence[float], *, whole: bool = False, most: float | None = None) -> list[Bar]:
    """Return bars of equal width from 0 to the largest value or `most`; with `whole`, for whole numbers."""
    if not values:
        return []
    top = max([*values, most or 0])
    if whole:
        width: float = max(1, math.ceil((top + 1) / BARS))
    else:
        scale = 10.0 ** math.floor(math.log10(max(top, 0.1) / BARS))
        width = next(scale * each for each in (1, 2, 5, 10, 20) if top / (scale * each) < BARS)
    bars = int(top // width) + 1
    bars += bars * width <= top  # 1.0 // 0.1 is 9, but 10 * 0.1 is not above 1.0
    bounds = [place * width for place in range(bars + 1)]
    counts = Counter(max(1, bisect_right(bounds, value, hi=len(bounds) - 1)) - 1 for value in values)
    longest = max(counts.values())
    return [
        Bar(_range(start, width, top, whole), start, end, counts[place], counts[place] / longest)
        for place, (start, end) in enumerate(pairwise(bounds))
    ]


def _range(start: float, width: float, top: float, whole: bool) -> str:
    if not whole:
        return f"{start:g}–{start + width:g}"
    end = min(start + width - 1, top)
    return f"{start:g}" if start == end else f"{start:g}–{end:g}"


def _sections(scores: Sequence[tuple[Person, float]]) -> list[tuple[str, Spread]]:
    """Return the distribution in each section, sorted by name. Without sections, large groups count as such.

    The cell of the roster is the section: a student whose cell names two sections is in a section of that name.
    """
    found: dict[str, list[float]] = defaultdict(list)
    by_group: dict[str, list[float]] = defaultdict(list)
    for person, score in scores:
        found[person.section].append(score)
        by_group[person.group].append(score)
    if not any(found):
        grouped = [each for name, each in by_group.items() if name]
        found = by_group if grouped and sum(map(len, grouped)) >= TEAM * len(grouped) else {}
    return [(name, Spread.of(found[name])) for name in sorted(found, key=_natural) if name]


def _natural(name: str) -> list[str | int]:
    """Return a key that sorts numbers in names as numbers."""
    return [int(part) if place % 2 else part.casefold() for place, part in enumerate(re.split(r"(\d+)", name))]


def _passing(gradebook: Gradebook) -> list[Passing]:
    counts: dict[str, Counter[Outcome]] = defaultdict(Counter)
    for entry in gradebook.entries:
        for each in entry.record.requirements if entry.record and not entry.is_excused else ():
            counts[each.id][each.outcome] += 1
    return [
        Passing(each.id, each.title, **{outcome.value: counts[each.id][outcome] for outcome in Outcome})
        for each in gradebook.requirements
    ]
