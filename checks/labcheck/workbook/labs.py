"""The labs, and what their lab.toml says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labcheck.errors import SuiteError, UsageError
from labcheck.workbook.nearest import nearest
from labcheck.workbook.places import LAB_FILE, PACKAGE, places
from labcheck.workbook.points import DEFAULT, points_of
from labcheck.workbook.toml_file import TomlFile, schema_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from labcheck.workbook.places import Place

SCHEMA = Path(__file__).with_name("lab.schema.json")
BUDGET = 60.0  # seconds for all checks of a lab together, if it says nothing else
ID = re.compile(r"[1-9]\d*\.[1-9]\d*")


@dataclass(frozen=True)
class ProgramSpec:
    """A program of a lab: its name, its file, and the texts expected in its output.

    - `kind`: how the program is checked, such as `http server` or `websocket client`; see `protocols.kinds`.
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
    - `budget`: the seconds that all checks together may take.
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
    budget: float = BUDGET

    def module(self, name: str) -> str:
        """Return the full name of a module of its suite."""
        return f"{self.place.package}.{self.name}.{name}"

    @property
    def requirements(self) -> tuple[str, ...]:
        """The ids of all requirements, in the order of the spec."""
        return tuple(id for step in self.steps for id in step.requirements)

    def supplied(self) -> Iterator[Path]:
        """Yield each file that labcheck adds to a submission that lacks it, relative to the starter's folder."""
        for name in self.supplies:
            place = self.starter / name
            for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
                if file.is_file():
                    yield file.relative_to(self.starter)

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


def lab_names() -> list[str]:
    """Return the names of all labs, sorted. Raises UsageError and SuiteError as `course`."""
    return sorted({name for place in places() for name in place.lab_names()})


def shown(file: Path) -> str:
    """Return the path of a file of the workbook or of a suite, as messages for authors show it."""
    for base in (*(place.folder for place in places()), PACKAGE.parent):
        if file.is_relative_to(base):
            return file.relative_to(base).as_posix()
    return str(file)


def is_folder_of_lab(name: str) -> bool:
    """Return whether labs/ has a folder with this name, which may be no lab because it has no lab.toml."""
    return _place_of(name) is not None


def load_lab(name: str) -> Lab:
    """Return the lab with the given name.

    Raises UsageError if it does not exist, and SuiteError, with a line for each mistake, if its lab.toml is invalid.
    """
    place = _place_of(name)
    if place is None:
        known = lab_names()
        raise UsageError(f"unknown lab {name!r}.{nearest(name, known)} Labs: {', '.join(known)}")
    if not re.fullmatch(r"\w+", name):
        raise SuiteError(f"labs/{name}: the name of a lab may have letters, digits and _ only; rename its folders")
    return _read(name, place)


def _place_of(name: str) -> Place | None:
    """Return the place that has a lab of this name, or at least a folder for it; None without any."""
    if name != Path(name).name or name in ("", ".."):
        return None
    having = [place for place in places() if (place.folder / "labs" / name).is_dir()]
    return next((place for place in having if name in place.lab_names()), next(iter(having), None))


def _read(name: str, place: Place) -> Lab:
    file = place.folder / "labs" / name / LAB_FILE
    toml = TomlFile.read(file, shown(file))
    table = toml.table
    solution = place.folder / "solutions" / name
    if mistakes := [*_differences(toml), *_contradictions(toml, file.parent, solution)]:
        raise SuiteError(*mistakes)
    return Lab(
        name=name,
        title=table["title"],
        minutes=table["minutes"],
        port=table["port"],
        supplies=tuple(table.get("supplies", ())),
        budget=table.get("budget", BUDGET),
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
        solution=solution,
        suite=place.suites / name,
        place=place,
        notebook=notebook if (notebook := place.folder / "notebooks" / f"{name}.ipynb").is_file() else None,
        points=table.get("points", {}),
    )


def _differences(toml: TomlFile) -> Iterator[str]:
    """Yield how a lab.toml differs from its schema, each with its place."""
    for each in toml.differences(schema_of(SCHEMA)):
        if each.path[:1] == ("points",):
            continue  # `points_of` knows more
        table = ""
        if each.path[:1] == ("programs",) and len(each.path) > 1:
            table = f"[programs.{each.path[1]}]: "
        if each.path[:1] == ("steps",) and len(each.path) > 1:
            table = f"{_step(toml, int(each.path[1]))}: "
        yield f"{toml.at(*each.path)}: {table}{each.text}"


def _contradictions(toml: TomlFile, starter: Path, solution: Path) -> Iterator[str]:
    """Yield where a lab.toml contradicts itself, or the folders of its lab; what has another type is left out."""
    programs = {key: each for key, each in _table(toml.table.get("programs")).items() if isinstance(each, dict)}
    name = starter.name
    for program, entry in programs.items():
        file = entry.get("file")
        if isinstance(file, str) and not any((folder / file).is_file() for folder in (starter, solution)):
            there = sorted(each.name for folder in (starter, solution) for each in folder.glob("*.py"))
            yield (
                f"{toml.at('programs', program, 'file')}: {file} is neither in labs/{name} nor in solutions/{name}."
                f"{nearest(file, there)}"
            )
    for each in _texts(toml.table.get("supplies")):
        if not (starter / each).exists():
            yield f"{toml.at('supplies', text=each)}: labs/{name} has no {each}, which the lab supplies"
    steps = [_table(each) for each in _list(toml.table.get("steps"))]
    first: dict[str, int] = {}
    for number, step in enumerate(steps, start=1):
        wanted = step.get("program")
        if isinstance(wanted, str) and wanted not in programs:
            place = toml.at("steps", number, "program")
            yield (
                f"{place}: {_step(toml, number)}: unknown program {wanted!r}.{nearest(wanted, programs)} "
                f"Programs: {', '.join(programs)}"
            )
        ids = [id for id in _texts(step.get("requirements")) if ID.fullmatch(id)]
        yield from _repeated(toml, number, ids, first)
        others = [id for id in ids if first[id] == number and id.split(".")[0] != str(number)]
        if others:
            place, wrong = toml.at("steps", number, "requirements"), ", ".join(others)
            yield f"{place}: {_step(toml, number)}: the ids of step {number} begin with {number}., not {wrong}"
    if "points" in toml.table and first:
        try:
            points_of(toml.table["points"], list(first))
        except ValueError as error:
            yield f"{toml.at('points')}: {error}"


def _repeated(toml: TomlFile, number: int, ids: list[str], first: dict[str, int]) -> Iterator[str]:
    """Yield the ids of a step that are there twice; add the others to `first`, the step of each id."""
    seen: dict[int, list[str]] = {}
    for place, id in enumerate(ids):
        if id in ids[:place]:
            nth = ids[: place + 1].count(id)
            where = toml.at("steps", number, "requirements", text=f'"{id}"', nth=nth)
            yield f"{where}: {_step(toml, number)}: {id} is there twice"
        elif first.setdefault(id, number) != number:
            seen.setdefault(first[id], []).append(id)
    for earlier, again in seen.items():
        place_of_step = toml.at("steps", number, "requirements", text=f'"{again[0]}"')
        yield f"{place_of_step}: {_step(toml, number)}: {_step(toml, earlier)} already has {' and '.join(again)}"


def _step(toml: TomlFile, number: int) -> str:
    """Return the name of a step in a message: its number, and its title if it has one."""
    title = _table(toml.table["steps"][number - 1]).get("title")
    return f"step {number} ({title})" if isinstance(title, str) and title else f"step {number}"


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [each for each in _list(value) if isinstance(each, str)]
