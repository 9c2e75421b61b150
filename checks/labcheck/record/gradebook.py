"""A class: its people, the submission of each, and the results."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from labcheck.record.points import points_in_words
from labcheck.record.record import Outcome
from labcheck.record.result import BROKEN, GRADED, REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labcheck.record.people import Person
    from labcheck.record.record import Record
    from labcheck.record.result import Result
    from labcheck.record.submission import Submission

NOT_YET = "not graded yet"
NOTHING = "submitted nothing"


@dataclass(frozen=True)
class Asked:
    """A requirement of the lab, or one that an instructor has added."""

    id: str
    title: str
    points: int = 1


@dataclass(frozen=True)
class Override:
    """What an instructor has decided about a grade. What was measured stays beside it.

    `points` are None if the student is excused: then there is no grade, and none is missing.
    """

    points: float | None
    reason: str = ""
    who: str = ""
    when: str = ""

    def __str__(self) -> str:
        decided = "excused" if self.points is None else f"{self.points:g} points"
        by = " ".join(filter(None, [self.who and f"by {self.who}", self.when and f"on {self.when}"]))
        return ", ".join(filter(None, [f"{decided} {by}".strip(), self.reason]))


@dataclass(frozen=True)
class Entry:
    """A row of the class: a person on the roster, or a submission that belongs to nobody.

    `submission` is the name by which the instructor knows the work; it is empty if nothing was submitted. `key`
    identifies what was graded, and by what (see `grade.Order.task`); it is empty if nothing can be graded. `remark`
    says why there is no grade, or what the instructor should look at; `note` is what is worth knowing otherwise.
    `faults` and `mistakes` are those of the result. `is_broken`: the grading went wrong. `deduction` are the points
    that being late costs, and `override` is what the instructor has decided, if anything. `told` is what the
    student may know of the remark and the note: it is only about their own work. `handed_in` is the submission that
    is graded, if it is known.
    """

    submission: str = ""
    key: str = ""
    person: Person | None = None
    remark: str = ""
    record: Record | None = None
    faults: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()
    is_broken: bool = False
    note: str = ""
    deduction: float = 0
    override: Override | None = None
    told: str = ""
    handed_in: Submission | None = None

    @property
    def is_late(self) -> bool:
        """Whether the platform calls the submission late."""
        return self.handed_in is not None and self.handed_in.is_late

    @property
    def is_open(self) -> bool:
        """Whether something could not be checked: then the points in the record, if there is one, are no grade."""
        could_not = self.is_broken or (self.record is not None and bool(self.record.open))
        return could_not and self.override is None

    @property
    def is_excused(self) -> bool:
        """Whether the instructor has decided that there is no grade, and none is missing."""
        return self.override is not None and self.override.points is None

    @property
    def submitted_nothing(self) -> bool:
        """Whether there is no submission, nor one that may be the person's, and nothing was decided."""
        return not self.submission and self.override is None and self.remark in ("", NOTHING)

    @property
    def measured(self) -> int | None:
        """The points that were measured, or None."""
        return None if self.record is None or self.is_broken or self.record.open else self.record.score

    @property
    def score(self) -> float | None:
        """The points of the grade: those measured, less the deduction, or those decided; None without a grade."""
        if self.override is not None:
            return None if self.override.points is None else _whole(self.override.points)
        return None if self.measured is None else _whole(round(self.measured - self.deduction, 2))

    @property
    def name(self) -> str:
        """The person's name, if it is known; otherwise the name of the submission."""
        return (str(self.person) if self.person else "") or self.submission

    @property
    def about(self) -> str:
        """Everything that is to be said about the grade: the decision, the remark, whether it is late, and the note."""
        decision = []
        if self.override is not None:
            instead = "" if self.measured is None else f" (measured: {self.measured})"
            decision = [f"decided: {self.override}{instead}"]
        late = "late" if self.is_late and not self.deduction else ""
        return "; ".join(filter(None, [*decision, self.remark, late, self.note]))

    @property
    def is_a_problem(self) -> bool:
        """Whether there is a submission that has no grade, or whose grade the instructor should look at."""
        return bool(self.submission) and self.override is None and (self.score is None or bool(self.remark))


@dataclass(frozen=True)
class Gradebook:
    """All rows of a class for one lab; `with_people` says whether there was a roster."""

    lab: str
    title: str
    requirements: tuple[Asked, ...]
    entries: tuple[Entry, ...]
    with_people: bool = False
    heading: str = ""  # the lab's name in the course's own gradebook
    late_rule: str = ""  # what being late costs, in words
    out_of: float | None = None  # the points that are possible there, if they are others
    conditions: Mapping[str, str] = field(default_factory=dict)  # those of the last grading

    @property
    def max_score(self) -> int:
        """The number of possible points."""
        return sum(each.points for each in self.requirements)

    @property
    def points_rule(self) -> str:
        """How many points the requirements have, in words; "" if each has 1."""
        return points_in_words({each.id: each.points for each in self.requirements})

    @property
    def graded(self) -> int:
        """The number of submissions with a grade."""
        return sum(entry.score is not None for entry in self.entries)

    @property
    def not_graded(self) -> int:
        """The number of submissions without a grade."""
        return sum(bool(entry.submission) and entry.score is None and entry.override is None for entry in self.entries)

    @property
    def open(self) -> int:
        """The number of submissions whose grade is open."""
        return sum(entry.is_open for entry in self.entries)

    @property
    def nothing(self) -> int:
        """The number of people without a submission."""
        return sum(entry.submitted_nothing for entry in self.entries)

    @property
    def column(self) -> str:
        """The heading of the lab's column in the course's gradebook."""
        return self.heading or f"{self.lab} {self.title}"

    @property
    def points_possible(self) -> float:
        """The number of possible points in the course's gradebook."""
        return _whole(self.out_of or self.max_score)

    @property
    def rule(self) -> str:
        """How the points in the course's gradebook are calculated; "" if they are the lab's own."""
        if self.points_possible == self.max_score:
            return ""
        return f"points × {self.points_possible:g} / {self.max_score}, rounded to two decimals"

    def most(self, entry: Entry) -> int:
        """Return the number of possible points for an entry: earlier checks may have given others."""
        return self.max_score if entry.record is None or entry.override is not None else entry.record.max_score

    def points(self, entry: Entry) -> float | None:
        """Return the points in the course's gradebook; None if there is no grade."""
        if entry.score is None or not self.rule:
            return entry.score
        return _whole(round(entry.score * self.points_possible / self.most(entry), 2))

    def filled(self, results: Mapping[str, Result]) -> Gradebook:
        """Return the class with the result of each row; those whose grade is open come first."""
        entries = (_filled(each, results, self.conditions) for each in self.entries)
        return replace(self, entries=tuple(sorted(entries, key=lambda each: not each.is_open)))


def _filled(entry: Entry, results: Mapping[str, Result], conditions: Mapping[str, str]) -> Entry:
    if not entry.key:
        return entry
    result = results.get(entry.key)
    if result is None:
        return replace(entry, remark=entry.remark or NOT_YET)
    is_graded = result.kind == GRADED
    remarks = [entry.remark, "" if is_graded else result.reason, _why_open(result), result.to_look_at]
    chosen = result.reason if is_graded else ""
    why_refused = [f"not graded: {result.reason}"] if result.kind == REFUSED else []
    notes = [entry.note, chosen, _other_conditions(result, conditions)]
    return replace(
        entry,
        record=result.record,
        remark="; ".join(filter(None, remarks)),
        note="; ".join(filter(None, notes)),
        told="; ".join(filter(None, [entry.told, *why_refused, chosen, result.to_look_at])),
        faults=result.faults,
        mistakes=result.mistakes,
        is_broken=result.kind == BROKEN,
    )


def _other_conditions(result: Result, conditions: Mapping[str, str]) -> str:
    """Return which conditions were others than those of the last grading."""
    if not conditions or not result.conditions:
        return ""
    others = [f"{name} {text}" for name, text in result.conditions.items() if conditions.get(name, text) != text]
    return f"graded under other conditions: {', '.join(others)}" if others else ""


def _whole(number: float) -> float:
    """Return a whole number without a fraction, as people write it."""
    return int(number) if number == int(number) else number


def _why_open(result: Result) -> str:
    """Return what to know about a grade that is open although there is a record."""
    if result.record is None or not result.record.open:
        return ""
    reasons = ", ".join(dict.fromkeys(each.reason for each in result.record.of(Outcome.ERROR)))
    points = f"{result.record.score} of {result.record.max_score} points without it"
    return f"open: {', '.join(result.record.open)} {reasons}; {points}"
