"""Right programs: other programs than the solution that fulfill a lab's requirements, each written in another way.

They are in the folder `right` of a suite, those of labcheck's own labs beside its tests. `right` has a folder for each
program of the lab, with its name; a lab with a single program needs none.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from labcheck.authoring.trials import not_passed, reason, with_program
from labcheck.workbook.places import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from labcheck.authoring.trials import Rows, Trial
    from labcheck.workbook.labs import Lab, ProgramSpec


@dataclass(frozen=True)
class RightProgram:
    """A right program: its file, and the program of the lab that it is an example of."""

    path: Path
    program: ProgramSpec

    def trial(self, lab: Lab, ids: Sequence[str]) -> Trial:
        """Return the trial of this program."""
        return with_program(lab, self.program.file, self.path.read_text("utf-8"), ids)

    def lacks(self) -> str:
        """Return the name of a package that the program imports and that is not installed, or ""."""
        tree = ast.parse(self.path.read_bytes())
        names = [alias.name for each in ast.walk(tree) if isinstance(each, ast.Import) for alias in each.names]
        names += [each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) and not each.level]
        packages = dict.fromkeys(name.partition(".")[0] for name in names)
        return next((name for name in packages if find_spec(name) is None), "")

    def __str__(self) -> str:
        return f"right/{self.path.name}"


def right_programs(lab: Lab) -> list[RightProgram]:
    """Return the right programs of a lab."""
    beside_tests = PACKAGE.parent / "tests" / lab.name / "right"
    folder = lab.suite / "right" if lab.place.is_course else beside_tests
    only = [RightProgram(path, lab.programs[0]) for path in folder.glob("*.py")] if len(lab.programs) == 1 else []
    those = [RightProgram(path, each) for each in lab.programs for path in (folder / each.name).glob("*.py")]
    return sorted([*only, *those], key=lambda each: each.path)


def complaints(right: RightProgram, rows: Rows) -> Iterator[str]:
    """Yield what a right program does not pass."""
    for id in not_passed(rows):
        yield f"{right} does not pass {id}: correct the check or the program; {reason(rows[id])}"
