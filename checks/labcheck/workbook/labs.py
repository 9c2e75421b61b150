"""The labs, and what their lab.toml says."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from labcheck.errors import SuiteError, UsageError
from labcheck.workbook.places import places
from labcheck.workbook.points import DEFAULT, points_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from labcheck.workbook.places import Place


@dataclass(frozen=True)
class ProgramSpec:
    """A program of a lab: its name, its file, and the texts expected in its output.

    - `kind`: how the program is checked: `http server`, `websocket server` or `websocket client`.
    - `lines`: the expected texts, case-sensitive; `fold`: expected texts in any case.
    - `prompts`: what a client asks its user.
    - `early`: how many processes to start before a check needs them: one that most checks share, and one more for
      each check that needs its own process.
    - `submitted_as`: the name of the file in the submission, if it is another one.
    """

    name: str
    file: str
    kind: str
    lines: tuple[str, ...]
    fold: tuple[str, ...]
    prompts: tuple[str, ...]
    early: int
    submitted_as: str = ""

    @property
    def called(self) -> str:
        """The name of the file as the student knows it."""
        return self.submitted_as or self.file

    @property
    def is_client(self) -> bool:
        """Whether the program is a client: it connects to labcheck's server, and labcheck types its input."""
        return self.kind.endswith("client")


@dataclass(frozen=True)
class Step:
    """A step of a lab: its number, title and program, and the ids of its requirements in order."""

    number: int
    title: str
    program: str
    requirements: tuple[str, ...]


@dataclass(frozen=True)
class Lab:
    """One lab of the workbook.

    - `port`: the usual port when the program is started by hand.
    - `place`: where the lab is; `starter`, `solution` and `suite` are its folders there.
    - `supplies`: files and folders that labcheck adds to a submission that lacks them.
    - `notebook`: the walkthrough, if the lab has one.
    - `more`: a folder with additional checks by an instructor.
    - `hidden`: the ids of the additional checks that are reported by title only.
    - `points`: of requirements, by id; one that is not named has 1.
    """

    name: str
    title: str
    minutes: int
    port: int
    supplies: tuple[str, ...]
    programs: tuple[ProgramSpec, ...]
    steps: tuple[Step, ...]
    starter: Path
    solution: Path
    suite: Path
    place: Place
    notebook: Path | None
    more: Path | None = None
    hidden: frozenset[str] = frozenset()
    points: Mapping[str, int] = field(default_factory=dict)

    def module(self, name: str) -> str:
        """Return the full name of a module of its suite."""
        return f"{self.place.package}.{self.name}.{name}"

    @property
    def requirements(self) -> tuple[str, ...]:
        """The ids of all requirements, in the order of the spec."""
        return tuple(id for step in self.steps for id in step.requirements)

    def with_names(self, originals: Mapping[str, str]) -> Lab:
        """Return the lab for a submission whose programs had other names; these are given by file."""
        programs = (replace(each, submitted_as=originals.get(each.file, "")) for each in self.programs)
        return replace(self, programs=tuple(programs))

    def points_of(self, id: str) -> int:
        """Return the points of a requirement."""
        return self.points.get(id, DEFAULT)

    def step_of(self, id: str) -> Step:
        """Return the step that a requirement belongs to."""
        return next(step for step in self.steps if id in step.requirements)

    def program_of(self, id: str) -> ProgramSpec:
        """Return the program that a requirement is about."""
        name = self.step_of(id).program
        return next(program for program in self.programs if program.name == name)

    def first_of(self, id: str) -> str:
        """Return the first requirement of the same program: if it fails, no other one can be checked."""
        name = self.step_of(id).program
        return next(step.requirements[0] for step in self.steps if step.program == name)

    def sheet(self, step: Step) -> str:
        """Return the section of the lab sheet about a step, in Markdown; empty if it has none."""
        file = self.starter / "README.md"
        text = file.read_text("utf-8") if file.is_file() else ""
        sections = (f"## {section}" for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:])
        return next((each for each in sections if each.startswith(f"## Step {step.number}:")), "")

    def select(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Return the ids that `--only` selects: requirements (`2.3`), whole steps (`2`), and lists and ranges of them.

        A list is `1.3,2`, a range `2.1-3.2` or `2-3`. Raises UsageError for an id that the lab does not have.
        """
        chosen: set[str] = set()
        for name in (part.strip() for words in wanted for part in words.split(",")):
            first, dash, last = (part.strip() for part in name.partition("-"))
            start, end = self._named(first), self._named(last if dash else first)
            ids = self.requirements[self.requirements.index(start[0]) : self.requirements.index(end[-1]) + 1]
            if not ids:
                raise UsageError(f"{name!r} selects nothing: {last} comes before {first}")
            chosen.update(ids)
        return tuple(id for id in self.requirements if id in chosen)

    def _named(self, name: str) -> list[str]:
        """Return the requirement, or those of the step, that this is the name of. Raises UsageError without any."""
        ids = [id for id in self.requirements if id == name or id.split(".")[0] == name]
        if not ids:
            raise UsageError(
                f"{self.name} has no requirement {name!r}.{nearest(name, self.requirements)} "
                f"Requirements: {self.requirements[0]} to {self.requirements[-1]}. Steps: 1 to {len(self.steps)}"
            )
        return ids


def nearest(given: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the known name closest to the given one, or "" if none is close."""
    close = difflib.get_close_matches(given.lower(), list(known), n=1, cutoff=0.7)
    return f" Did you mean {close[0]!r}?" if close else ""


def lab_names() -> list[str]:
    """Return the names of all labs, sorted. Raises UsageError and SuiteError as `course`."""
    return sorted({name for place in places() for name in place.lab_names()})


def load_lab(name: str) -> Lab:
    """Return the lab with the given name.

    Raises UsageError if it does not exist, and SuiteError if its lab.toml is invalid.
    """
    place = next((place for place in places() if name in place.lab_names()), None)
    if not re.fullmatch(r"\w+", name) or place is None:
        known = lab_names()
        raise UsageError(f"unknown lab {name!r}.{nearest(name, known)} Labs: {', '.join(known)}")
    try:
        return _read(name, place)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise SuiteError(f"labs/{name}/lab.toml: {error!r}") from error
    except ValueError as error:
        raise SuiteError(f"labs/{name}/lab.toml: {error}") from error


def _read(name: str, place: Place) -> Lab:
    file = place.folder / "labs" / name / "lab.toml"
    table = tomllib.loads(file.read_text("utf-8"))
    lab = Lab(
        name=name,
        title=table["title"],
        minutes=table["minutes"],
        port=table["port"],
        supplies=tuple(table.get("supplies", ())),
        programs=tuple(
            ProgramSpec(
                program,
                entry["file"],
                entry.get("kind", "http server"),
                tuple(entry.get("lines", ())),
                tuple(entry.get("lines_in_any_case", ())),
                tuple(entry.get("prompts", ())),
                entry.get("early", 0),
            )
            for program, entry in table["programs"].items()
        ),
        steps=tuple(
            Step(number, step["title"], step.get("program", next(iter(table["programs"]))), tuple(step["requirements"]))
            for number, step in enumerate(table["steps"], start=1)
        ),
        starter=file.parent,
        solution=place.folder / "solutions" / name,
        suite=place.suites / name,
        place=place,
        notebook=notebook if (notebook := place.folder / "notebooks" / f"{name}.ipynb").is_file() else None,
    )
    return replace(lab, points=points_of(table.get("points", {}), lab.requirements))
