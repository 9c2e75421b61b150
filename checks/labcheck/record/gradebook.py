"""A class: its people, the submission of each, and the results."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from labcheck.errors import UsageError
from labcheck.record.people import Person
from labcheck.record.record import Outcome
from labcheck.record.result import BROKEN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from labcheck.record.record import Record
    from labcheck.record.result import Result

SCHEMA = 1
FILE = "class.json"
NOT_YET = "not graded yet"


@dataclass(frozen=True)
class Asked:
    """A requirement of the lab, or one that an instructor has added."""

    id: str
    title: str
    points: int = 1


@dataclass(frozen=True)
class Entry:
    """A row of the class: a person on the roster, or a submission that belongs to nobody.

    `submission` is the name by which the instructor knows the work; it is empty if nothing was submitted. `key`
    identifies what was graded, and by what (see `grade.Order.task`); it is empty if nothing can be graded. `remark`
    says why there is no grade, or what the instructor should look at. `is_broken`: the grading went wrong.
    """

    submission: str = ""
    key: str = ""
    person: Person | None = None
    remark: str = ""
    record: Record | None = None
    faults: tuple[str, ...] = ()
    is_broken: bool = False

    @property
    def is_open(self) -> bool:
        """Whether something could not be checked: then the points in the record, if there is one, are no grade."""
        return self.is_broken or (self.record is not None and bool(self.record.open))

    @property
    def score(self) -> int | None:
        """The points; None if there is no grade."""
        return None if self.record is None or self.is_open else self.record.score

    @property
    def name(self) -> str:
        """The person's name, if it is known; otherwise the name of the submission."""
        return (str(self.person) if self.person else "") or self.submission

    @property
    def is_a_problem(self) -> bool:
        """Whether there is a submission that has no grade, or whose grade the instructor should look at."""
        return bool(self.submission) and (self.score is None or bool(self.remark))


@dataclass(frozen=True)
class Gradebook:
    """All rows of a class for one lab; `with_people` says whether there was a roster."""

    lab: str
    title: str
    requirements: tuple[Asked, ...]
    entries: tuple[Entry, ...]
    with_people: bool = False
    heading: str = ""  # the lab's name in the course's own gradebook

    @property
    def max_score(self) -> int:
        """The number of possible points."""
        return sum(each.points for each in self.requirements)

    @property
    def graded(self) -> int:
        """The number of submissions with a grade."""
        return sum(entry.score is not None for entry in self.entries)

    @property
    def not_graded(self) -> int:
        """The number of submissions without a grade."""
        return sum(bool(entry.submission) and entry.score is None for entry in self.entries)

    @property
    def open(self) -> int:
        """The number of submissions whose grade is open."""
        return sum(entry.is_open for entry in self.entries)

    @property
    def nothing(self) -> int:
        """The number of people without a submission."""
        return sum(not entry.submission for entry in self.entries)

    @property
    def column(self) -> str:
        """The heading of the lab's column in the course's gradebook."""
        return self.heading or f"{self.lab} {self.title}"

    def filled(self, results: Mapping[str, Result]) -> Gradebook:
        """Return the class with the result of each row; those whose grade is open come first."""
        entries = (_filled(each, results) for each in self.entries)
        return replace(self, entries=tuple(sorted(entries, key=lambda each: not each.is_open)))

    def to_json(self) -> str:
        """Return the people and submissions of the class as JSON, without the results."""
        entries = []
        for each in self.entries:
            person = None if each.person is None else asdict(each.person)
            entries.append({"submission": each.submission, "key": each.key, "person": person, "remark": each.remark})
        table: dict[str, Any] = {
            "schema": SCHEMA,
            "lab": self.lab,
            "title": self.title,
            "requirements": [asdict(each) for each in self.requirements],
            "with_people": self.with_people,
            "entries": entries,
        }
        return json.dumps(table, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Gradebook:
        """Read what `to_json` has returned. Raises ValueError for any other text."""
        table = json.loads(text)
        try:
            if table.pop("schema") != SCHEMA:
                raise ValueError("written by another version of labcheck")
            table["requirements"] = tuple(Asked(**each) for each in table["requirements"])
            table["entries"] = tuple(
                Entry(**{**each, "person": each["person"] and Person(**each["person"])}) for each in table["entries"]
            )
            return cls(**table)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a class of labcheck: {error}") from error

    @classmethod
    def load(cls, folder: Path) -> Gradebook:
        """Read the class whose results are in a folder. Raises UsageError if the folder holds no class."""
        file = folder / FILE
        try:
            return cls.from_json(file.read_text("utf-8"))
        except FileNotFoundError:
            raise UsageError(
                f"there is no {file}; name the --out folder of a finished labcheck grade (with shards: after --merge)"
            ) from None
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise UsageError(f"{file}: {error}; run labcheck grade to write it again") from error


def _filled(entry: Entry, results: Mapping[str, Result]) -> Entry:
    if not entry.key:
        return entry
    result = results.get(entry.key)
    if result is None:
        return replace(entry, remark=entry.remark or NOT_YET)
    remark = "; ".join(filter(None, [entry.remark, result.reason, _why_open(result)]))
    return replace(entry, record=result.record, remark=remark, faults=result.faults, is_broken=result.kind == BROKEN)


def _why_open(result: Result) -> str:
    """Return what to know about a grade that is open although there is a record."""
    if result.record is None or not result.record.open:
        return ""
    reasons = ", ".join(dict.fromkeys(each.reason for each in result.record.of(Outcome.ERROR)))
    points = f"{result.record.score} of {result.record.max_score} points without it"
    return f"open: {', '.join(result.record.open)} {reasons}; {points}"
