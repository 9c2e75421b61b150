"""The rules of a course, which are applied after the programs have been checked: `rules.toml` beside the results.

    [points]       # of requirements; one that is not named has those of the lab, usually 1
    "2.3" = 2

    [late]
    deadline = 2026-11-20T23:59:00+01:00
    grace = 15             # minutes, up to a week
    percent_per_day = 10   # of the points, for each day that has begun
    at_most = 50           # percent of the points

The points of `--points` (see `classes.points`) replace those in it.

The time of a submission is that of the platform. If the platform does not give one, but calls a submission late, it is
one day late. A time without a time zone is taken for one in that of the deadline.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from labcheck.classes.points import kept_points
from labcheck.errors import UsageError
from labcheck.record.record import Outcome
from labcheck.workbook.points import points_of
from labcheck.workbook.toml_file import in_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from labcheck.record.gradebook import Asked, Entry, Gradebook
    from labcheck.record.record import Record

FILE = "rules.toml"
DAY = timedelta(days=1)
MOST_GRACE = 7 * 24 * 60  # minutes; for more than that, move the deadline


@dataclass(frozen=True)
class Late:
    """What being late costs: `percent` of the points for each day that has begun after the deadline, up to `most`."""

    percent: float
    most: float = 100.0
    deadline: datetime | None = None
    grace: timedelta = timedelta()

    def __str__(self) -> str:
        after = f" after {self.deadline:%Y-%m-%d %H:%M}" if self.deadline else ""
        grace = f" (and {self.grace.total_seconds() / 60:g} minutes)" if self.grace else ""
        return f"{self.percent:g} % less for each day{after}{grace}, at most {self.most:g} %"

    def days(self, entry: Entry) -> int:
        """Return how many days have begun since the deadline."""
        if self.deadline is None or entry.handed_in is None or not entry.handed_in.submitted:
            return int(entry.is_late)
        submitted = datetime.fromisoformat(entry.handed_in.submitted)
        if submitted.tzinfo is None or self.deadline.tzinfo is None:
            submitted = submitted.replace(tzinfo=self.deadline.tzinfo)
        return max(0, math.ceil((submitted - self.deadline - self.grace) / DAY))


@dataclass(frozen=True)
class Rules:
    """The rules of a course: the points of some requirements, and what being late costs."""

    points: dict[str, int] = field(default_factory=dict)
    late: Late | None = None

    @classmethod
    def read(cls, out: Path, requirements: Sequence[str], points: dict[str, int] | None = None) -> Rules:
        """Read the rules in a results folder, if there are any. Raises UsageError for a mistake in them.

        `points` replace those in the folder.
        """
        file = out / FILE
        try:
            table = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
        except (OSError, ValueError) as error:
            raise UsageError(f"{file} cannot be read: {error}") from error
        _expect(file, "table", table, ("points", "late"))
        try:
            own = points_of(table.get("points", {}), requirements)
        except ValueError as error:
            raise UsageError(f"{file}: {error}") from error
        given = kept_points(out, requirements) if points is None else points
        late = table.get("late")
        return cls(own if given is None else given, None if late is None else _late(file, late))

    def with_points(self, gradebook: Gradebook) -> Gradebook:
        """Return the class with the points of its requirements."""
        asked = (replace(each, points=self.points.get(each.id, each.points)) for each in gradebook.requirements)
        return replace(gradebook, requirements=tuple(asked))

    def with_lateness(self, gradebook: Gradebook) -> Gradebook:
        """Return the class with what being late costs. Its records have been weighed."""
        entries = tuple(map(self._with_lateness, gradebook.entries))
        return replace(gradebook, entries=entries, late_rule=str(self.late) if self.late else "")

    def _with_lateness(self, entry: Entry) -> Entry:
        """Return the entry with what being late costs, and what is said about it."""
        days = self.late.days(entry) if self.late is not None and entry.measured is not None else 0
        deduction, note = 0.0, ""
        if self.late is not None and entry.measured is not None and days:
            percent = min(self.late.most, days * self.late.percent)
            deduction = round(entry.measured * percent / 100, 2)
            note = f"{days} day{'s' * (days > 1)} late: {percent:g} % of {entry.measured} points less"
        told = note or ("late" if entry.is_late else "")
        return replace(entry, deduction=deduction, note=_joined(note, entry.note), told=_joined(told, entry.told))


def weigh(record: Record, requirements: Iterable[Asked]) -> None:
    """Give the requirements of a record the points that they have now; the lab may have given others before."""
    points = {asked.id: asked.points for asked in requirements}
    for each in record.requirements:
        each.points = points.get(each.id, each.points)
        each.earned = each.points if each.outcome is Outcome.PASSED else 0


def _joined(*texts: str) -> str:
    return "; ".join(filter(None, texts))


def _late(file: Path, table: Any) -> Late:
    _expect(file, "key of [late]", table, ("deadline", "grace", "percent_per_day", "at_most"))
    percent = _number(file, table, "percent_per_day", 100, "percent", None)
    most = _number(file, table, "at_most", 100, "percent", 100)
    grace = _number(file, table, "grace", MOST_GRACE, "minutes", 0)
    deadline = table.get("deadline")
    if deadline is not None and not isinstance(deadline, datetime):
        raise UsageError(
            f"{file}: deadline in [late] is {in_toml(deadline)}; expected a time such as 2026-11-20T23:59:00+01:00"
        )
    return Late(percent, most, deadline, timedelta(minutes=grace))


def _number(file: Path, table: dict[str, Any], key: str, most: int, unit: str, default: float | None) -> float:
    """Return a number of [late], from 0 to `most`. Raises UsageError for anything else, also for nan and true."""
    number: Any = table.get(key, default)
    if type(number) not in (int, float) or not 0 <= number <= most:
        given = f"is {in_toml(number)}" if key in table else "is missing"
        raise UsageError(f"{file}: {key} in [late] {given}; expected a number from 0 to {most} ({unit})")
    return float(number)


def _expect(file: Path, what: str, table: Any, known: tuple[str, ...]) -> None:
    """Raise UsageError if a table has a name that is not known."""
    if not isinstance(table, dict):
        raise UsageError(f"{file}: expected a table with {', '.join(known[:4])}, not {table!r}")
    for name in table:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1) or [known[0]]
            raise UsageError(f"{file}: unknown {what} {name!r}; did you mean {near[0]!r}?")
