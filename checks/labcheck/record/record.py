"""The record: the result of one submission. Every report reads this and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

SCHEMA = 2
SCHEMA_FILE = Path(__file__).with_name("record.schema.json")


class Outcome(StrEnum):
    """What became of a requirement."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"
    ERROR = "error"  # a fault of ours, which never costs a point


@dataclass(frozen=True)
class Place:
    """A place in a student's file: relative to their folder, and a line from 1 on."""

    file: str
    line: int


@dataclass
class RequirementResult:
    """The result of one requirement; `transcript` holds events as `Event.to_json` makes them.

    `place` is where in the student's file a failure came about, where that is known. `drawn` are the random words
    that stand in `reason`, `expected` and `received`. Of one that is `hidden` nothing is told but its title and its
    outcome.
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
    place: Place | None = None
    drawn: list[str] = field(default_factory=list)
    transcript: list[dict[str, Any]] = field(default_factory=list)
    hidden: bool = False


@dataclass
class ProgramResult:
    """What became of one start of a program, and what it printed (shortened in the middle)."""

    name: str
    verdict: str
    stdout: str
    stderr: str


@dataclass
class StepTitle:
    """A step's number, its title, and the name of the program that it is about."""

    number: int
    title: str
    program: str


@dataclass
class Record:
    """The result of one submission: one entry a requirement, in the spec's order, always all of them.

    `started` is in UTC (ISO 8601), `seconds` is wall time. `selected` are the ids that were asked
    for; it holds all of them unless `--only` was given.
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
    schema: int = SCHEMA

    @property
    def score(self) -> int:
        """The points earned."""
        return sum(requirement.earned for requirement in self.requirements)

    @property
    def max_score(self) -> int:
        """The points that there are."""
        return sum(requirement.points for requirement in self.requirements)

    def of(self, *outcomes: Outcome) -> list[RequirementResult]:
        """Return the requirements with one of these outcomes, among those that were asked for."""
        return [each for each in self.requirements if each.outcome in outcomes and each.id in self.selected]

    def step_of(self, requirement: RequirementResult) -> StepTitle:
        """Return the step that a requirement belongs to."""
        return next(step for step in self.steps if requirement.id.split(".")[0] == str(step.number))

    def requirements_of(self, step: StepTitle) -> list[RequirementResult]:
        """Return the requirements of a step, in order."""
        return [each for each in self.requirements if each.id.split(".")[0] == str(step.number)]

    def programs_of(self, requirement: RequirementResult) -> list[ProgramResult]:
        """Return the starts of the program that a requirement is about."""
        name = self.step_of(requirement).program
        return [program for program in self.programs if program.name == name]

    def first_of(self, program: str) -> RequirementResult:
        """Return the first requirement of a program: where that does not start, it is told there."""
        return self.requirements_of(next(step for step in self.steps if step.program == program))[0]

    @property
    def all_passed(self) -> bool:
        """Whether everything that was asked for was run, and passed."""
        return len(self.of(Outcome.PASSED)) == len(self.selected)

    def to_table(self) -> dict[str, Any]:
        """Return the record as what JSON is made of, in the order of the schema. The transcripts are not copied."""
        table = {"schema": self.schema, "score": self.score, "max_score": self.max_score, **vars(self)}
        for name in ("steps", "programs", "requirements"):
            table[name] = [vars(each) for each in table[name]]
        table["requirements"] = [
            {**each, "place": each["place"] and vars(each["place"])} for each in table["requirements"]
        ]
        return table

    def to_json(self) -> str:
        """Return the record as JSON, to be read by people, too."""
        return json.dumps(self.to_table(), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Read a record. Raises ValueError where it is none, of a later version, or its sums are wrong."""
        return cls.from_table(json.loads(text))

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> Record:
        """Make a record of what `to_table` has returned. Raises ValueError as `from_json` does."""
        table = dict(table)
        try:
            if table["schema"] < SCHEMA:
                from labcheck.record import earlier

                table = earlier.to_present(table)
            if table["schema"] != SCHEMA:
                raise ValueError(f"a record of version {table['schema']}; this labcheck reads up to version {SCHEMA}")
            score, max_score = table.pop("score"), table.pop("max_score")
            table["steps"] = [StepTitle(**each) for each in table["steps"]]
            table["programs"] = [ProgramResult(**each) for each in table["programs"]]
            table["requirements"] = [_requirement(each) for each in table["requirements"]]
            record = cls(**table)
        except (KeyError, TypeError) as error:
            raise ValueError(f"no record of labcheck: {error}") from error
        if (record.score, record.max_score) != (score, max_score):
            raise ValueError(f"the record says {score} of {max_score}; its points add up to {record.score}")
        return record


def _requirement(table: dict[str, Any]) -> RequirementResult:
    place = table["place"] and Place(**table["place"])
    return RequirementResult(**{**table, "outcome": Outcome(table["outcome"]), "place": place})
