"""The wrong variants of a lab's solution, in `suites/LAB/wrong.toml`: mistakes that students make.

A variant has `fails`, the requirement that it breaks; `why`, the mistake in words; and `edits`, pairs of a text that
occurs once in the solution and its replacement. Optional are `also`, the requirements that are not run as a
consequence; `breaks`, further ones that the same mistake breaks; and `file`, the program to edit. For editors,
`wrong.schema.json` says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labcheck.authoring.trials import with_program
from labcheck.errors import SuiteError
from labcheck.workbook.labs import shown
from labcheck.workbook.nearest import nearest
from labcheck.workbook.toml_file import TomlFile, schema_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labcheck.authoring.trials import Trial
    from labcheck.workbook.labs import Lab

NAME = "wrong.toml"
SCHEMA = Path(__file__).with_name("wrong.schema.json")


@dataclass(frozen=True)
class Variant:
    """A wrong variant of a lab's solution; `place` is that of its entry in wrong.toml."""

    fails: str
    also: tuple[str, ...]
    why: str
    edits: tuple[tuple[str, str], ...]
    file: str
    breaks: tuple[str, ...] = ()
    place: str = ""

    def trial(self, lab: Lab) -> Trial:
        """Return the trial of the edited solution. Raises SuiteError if the edits do not fit it."""
        return with_program(lab, self.file, self.text(lab), lab.requirements)

    def write(self, lab: Lab, folder: Path) -> None:
        """Write the edited solution into a folder. Raises SuiteError if the edits do not fit it."""
        self.trial(lab).write(folder)

    def text(self, lab: Lab) -> str:
        """Return the edited file.

        Raises SuiteError if a text to replace does not occur exactly once, or if the result is not Python.
        """
        before = text = (lab.solution / self.file).read_text("utf-8")
        for find, replacement in self.edits:
            times = text.count(find)
            if times != 1:
                where = f" (lines {', '.join(map(str, _lines_with(find, text)))})" if times else ""
                raise SuiteError(
                    f"{self}: the text to replace occurs {times} times in {self.file}{where}, expected 1: {find!r}"
                )
            text = text.replace(find, replacement)
        if self.edits and text == before:
            raise SuiteError(f"{self}: the edits change nothing")
        try:
            compile(text, self.file, "exec")
        except SyntaxError as error:
            raise SuiteError(
                f"{self}: with its edits, line {error.lineno} of {self.file} is not Python: {error.msg}"
            ) from error
        return text

    def __str__(self) -> str:
        return f"{self.place}: " * bool(self.place) + f"wrong variant of {self.fails} ({self.why})"


def variants(lab: Lab) -> list[Variant]:
    """Return the wrong variants of a lab. Raises SuiteError, with a line for each mistake in wrong.toml."""
    file = lab.suite / NAME
    toml = TomlFile.read(file, shown(file))
    if mistakes := [*_differences(toml), *_contradictions(toml, lab)]:
        raise SuiteError(*mistakes)
    return [
        Variant(
            entry["fails"],
            tuple(entry.get("also", ())),
            entry["why"],
            tuple((find, replacement) for find, replacement in entry["edits"]),
            entry.get("file") or lab.program_of(entry["fails"]).file,
            tuple(entry.get("breaks", ())),
            toml.at("wrong", number),
        )
        for number, entry in enumerate(toml.table["wrong"], start=1)
    ]


def null_programs(lab: Lab) -> dict[str, list[str]]:
    """Return which requirements null programs pass, as wrong.toml says it; see `nulls`."""
    return dict(TomlFile.read(lab.suite / NAME, NAME).table.get("null_programs", {}))


def mistakes_of(lab: Lab, *, can_edit: bool) -> list[str]:
    """Return the mistakes in wrong.toml, a line for each; also those of its edits if the solution can be edited."""
    try:
        found = variants(lab)
    except SuiteError as error:
        return str(error).splitlines()
    mistakes = []
    for variant in found if can_edit else ():
        try:
            variant.text(lab)
        except SuiteError as error:
            mistakes.append(str(error))
    return mistakes


def _differences(toml: TomlFile) -> Iterator[str]:
    for each in toml.differences(schema_of(SCHEMA)):
        variant = f"{_variant(toml, int(each.path[1]))}: " if each.path[:1] == ("wrong",) and each.path[1:] else ""
        yield f"{toml.at(*each.path)}: {variant}{each.text}"


def _contradictions(toml: TomlFile, lab: Lab) -> Iterator[str]:
    """Yield what an entry names that lab.toml does not; what has another type is left out."""
    nulls = toml.table.get("null_programs")
    for name, ids in nulls.items() if isinstance(nulls, dict) else ():
        for id in ids if isinstance(ids, list) else ():
            if isinstance(id, str) and id and id not in lab.requirements:
                place, near = toml.at("null_programs", name), nearest(id, lab.requirements)
                yield f"{place}: {name} of null_programs names {id}, which is not in lab.toml.{near}"
    entries = toml.table.get("wrong")
    files = [program.file for program in lab.programs]
    for number, entry in enumerate(entries if isinstance(entries, list) else (), start=1):
        table: dict[str, Any] = entry if isinstance(entry, dict) else {}
        for key in ("fails", "also", "breaks"):
            value = table.get(key)
            for id in value if isinstance(value, list) else [value] if key == "fails" else []:
                if isinstance(id, str) and id and id not in lab.requirements:
                    place = toml.at("wrong", number, key)
                    near = nearest(id, lab.requirements)
                    yield f"{place}: {_variant(toml, number)}: {key} names {id}, which is not in lab.toml.{near}"
        file = table.get("file")
        if isinstance(file, str) and file not in files:
            yield (
                f"{toml.at('wrong', number, 'file')}: {_variant(toml, number)}: {file} is not a program in lab.toml."
                f"{nearest(file, files)} Programs: {', '.join(files)}"
            )


def _variant(toml: TomlFile, number: int) -> str:
    """Return the name of an entry in a message."""
    entry = toml.table["wrong"][number - 1]
    known = isinstance(entry, dict) and isinstance(entry.get("fails"), str)
    why = f" ({entry['why']})" if known and isinstance(entry.get("why"), str) else ""
    return f"wrong variant of {entry['fails']}{why}" if known else f"wrong variant {number}"


def _lines_with(find: str, text: str) -> list[int]:
    """Return the lines in which a text begins, counted from 1."""
    places = [place for place in range(len(text)) if text.startswith(find, place)]
    return [text.count("\n", 0, place) + 1 for place in places]
