"""The record: the result of one submission. Reports read this and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from labcheck.record.difference import Difference
from labcheck.record.excerpt import Excerpt
from labcheck.record.points import points_in_words

SCHEMA = 3
# Fields that are left out where they are empty, as they are in older records of this version.
LEFT_OUT = {"beside", "excerpt", "hints", "is_client", "originals", "sheet"}
SCHEMA_FILE = Path(__file__).with_name("record.schema.json")


class Outcome(StrEnum):
    """The outcome of a requirement."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"
    ERROR = "error"  # an internal error in labcheck: it earns nothing, and the grade is open


@dataclass(frozen=True)
class Place:
    """A place in a student's file: its path relative to their folder, and the line number, counted from 1."""

    file: str
    line: int


@dataclass
class RequirementResult:
    """The result of one requirement. `transcript` holds events as returned by `Event.to_json`.

    `expected` and `received` are in words; `difference` is there if both are texts, or if some bytes are wrong. `place`
    is where in the student's file a failure was caused, if that is known, and `excerpt` holds the lines there if Python
    cannot read them. `drawn` are the random words that occur in `reason`, `expected` and `received`. `hints` are there
    for a requirement that failed, except in a class. `beside` is the transcript of the solution in the same check, if
    the requirement failed and this was asked for. A `hidden` requirement shows only its title and its outcome.
    """

    id: str
    title: str
    outcome: Outcome = Outcome.NOT_RUN
    points: int = 1
    earned: int = 0
    seconds: float = 0.0
    reason: str = ""
    expected: str = ""
    received: str = ""
    by_hand: str = ""
    difference: Difference | None = None
    place: Place | None = None
    drawn: list[str] = field(default_factory=list)
    transcript: list[dict[str, Any]] = field(default_factory=list)
    hidden: bool = False
    excerpt: Excerpt | None = None
    hints: list[str] = field(default_factory=list)
    beside: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class ProgramResult:
    """What happened to a program in one start, and what it printed (the middle of long output is left out)."""

    name: str
    verdict: str
    stdout: str
    stderr: str


@dataclass
class StepTitle:
    """A step's number, its title, the name of its program, and its part of the lab sheet (Markdown; not in a class).

    `is_client`: the program talks to a server that labcheck runs.
    """

    number: int
    title: str
    program: str
    sheet: str = ""
    is_client: bool = False


@dataclass
class Record:
    """The result of one submission: one entry per requirement, always all of them, in the order of the specification.

    `started` is in UTC (ISO 8601), `seconds` is wall time. `selected` are the ids that were checked: all of them,
    unless `--only` was given. `originals` are the names under which programs were submitted, where these are others.
    """

    lab: str
    title: str
    labcheck: str
    seed: int
    sandbox: str
    python: str
    platform: str
    submission: str
    started: str
    seconds: float
    steps: list[StepTitle]
    selected: list[str]
    programs: list[ProgramResult]
    requirements: list[RequirementResult]
    originals: dict[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def score(self) -> int:
        """The points that were earned."""
        return sum(requirement.earned for requirement in self.requirements)

    @property
    def open(self) -> list[str]:
        """The ids of the selected requirements that could not be checked. While there are any, the score is no grade.

        An error may be caused by a bug in labcheck, or by a program on purpose: only a person can tell.
        """
        return [each.id for each in self.of(Outcome.ERROR)]

    @property
    def max_score(self) -> int:
        """The number of possible points."""
        return sum(requirement.points for requirement in self.requirements)

    @property
    def points_rule(self) -> str:
        """How many points the requirements have, in words; "" if each has 1."""
        return points_in_words({each.id: each.points for each in self.requirements})

    def of(self, *outcomes: Outcome) -> list[RequirementResult]:
        """Return the selected requirements that have one of these outcomes."""
        return [each for each in self.requirements if each.outcome in outcomes and each.id in self.selected]

    def requirement(self, id: str) -> RequirementResult:
        """Return the result of a requirement."""
        return next(each for each in self.requirements if each.id == id)

    def step_of(self, requirement: RequirementResult) -> StepTitle:
        """Return the step of a requirement."""
        return next(step for step in self.steps if requirement.id.split(".")[0] == str(step.number))

    def requirements_of(self, step: StepTitle) -> list[RequirementResult]:
        """Return the requirements of a step, in order."""
        return [each for each in self.requirements if each.id.split(".")[0] == str(step.number)]

    def programs_of(self, requirement: RequirementResult) -> list[ProgramResult]:
        """Return the starts of the program that a requirement is about."""
        name = self.step_of(requirement).program
        return [program for program in self.programs if program.name == name]

    def first_of(self, program: str) -> RequirementResult:
        """Return the first requirement of a program, which reports why the program did not start."""
        return self.requirements_of(next(step for step in self.steps if step.program == program))[0]

    @property
    def all_passed(self) -> bool:
        """Whether every selected requirement passed."""
        return len(self.of(Outcome.PASSED)) == len(self.selected)

    def to_table(self) -> dict[str, Any]:
        """Return the record as objects for JSON, in the order of the schema. The transcripts are not copied."""
        sums = {"score": self.score, "max_score": self.max_score, "open": self.open}
        table = {"schema": self.schema, **sums, **_without_blanks(vars(self))}
        for name in ("steps", "programs", "requirements"):
            table[name] = [_without_blanks(vars(each)) for each in table[name]]
        table["requirements"] = [
            {
                **each,
                "place": each["place"] and vars(each["place"]),
                "difference": each["difference"] and each["difference"].to_table(),
                **({"excerpt": each["excerpt"].to_table()} if "excerpt" in each else {}),
            }
            for each in table["requirements"]
        ]
        return table

    def to_json(self) -> str:
        """Return the record as JSON, formatted for people to read as well."""
        return json.dumps(self.to_table(), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Read a record. Raises ValueError if it is not one, is of a later version, or its sums are wrong."""
        return cls.from_table(json.loads(text))

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> Record:
        """Make a record from what `to_table` has returned. Raises ValueError as `from_json` does."""
        try:
            table = dict(table)
            if table["schema"] < SCHEMA:
                from labcheck.record import earlier

                table = earlier.to_present(table)
            if table["schema"] != SCHEMA:
                raise ValueError(f"a record of version {table['schema']}; this labcheck reads up to version {SCHEMA}")
            score, max_score, _ = (table.pop(name) for name in ("score", "max_score", "open"))
            table["steps"] = [StepTitle(**each) for each in table["steps"]]
            table["programs"] = [ProgramResult(**each) for each in table["programs"]]
            table["requirements"] = [_requirement(each) for each in table["requirements"]]
            record = cls(**table)
            is_right = (record.score, record.max_score) == (score, max_score)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a record of labcheck: {error}") from error
        if not is_right:
            raise ValueError(f"the record says {score} of {max_score}; its points add up to {record.score}")
        return record


def _without_blanks(table: dict[str, Any]) -> dict[str, Any]:
    """Return it without the fields that are left out while they are empty, as they are for most of a class."""
    return {name: value for name, value in table.items() if value or name not in LEFT_OUT}


def _requirement(table: dict[str, Any]) -> RequirementResult:
    place = table["place"] and Place(**table["place"])
    # Records that were written before there were differences have none.
    difference = Difference.from_table(table["difference"]) if table.get("difference") else None
    excerpt = Excerpt(**table["excerpt"]) if table.get("excerpt") else None
    outcome = Outcome(table["outcome"])
    read = {"outcome": outcome, "place": place, "difference": difference, "excerpt": excerpt}
    return RequirementResult(**{**table, **read})
