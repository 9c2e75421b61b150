"""Null programs: they do nothing of what a lab asks for, and so should pass next to nothing.

A requirement that a null program passes is one that "passes" because nothing works, unless it is all that the program
does: the one that accepts connections passes "accepts connections". These are listed in wrong.toml:

    [null_programs]
    silent = ["1.1"]
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.authoring.trials import of, with_program
from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from labcheck.authoring.trials import Rows, Trial
    from labcheck.workbook.labs import Lab, ProgramSpec

FOLDER = Path(__file__).with_name("null_programs")
OF_SERVERS = {
    "silent": "accepts connections and says nothing",
    "hangs_up": "closes each connection at once",
    "ok_to_all": "answers 200 to every request, with the same page",
}
OF_CLIENTS = {"waits": "does nothing", "ends": "ends at once"}
SOON = 0.3  # times each deadline: nothing comes from most of them, no matter how long a check waits


def nulls(program: ProgramSpec) -> dict[str, str]:
    """Return the null programs for a program of a lab: the name of each, and what it does."""
    return OF_CLIENTS if program.is_client else OF_SERVERS


def trial(lab: Lab, program: ProgramSpec, name: str, ids: Sequence[str]) -> Trial:
    """Return the trial of a null program in place of a program of a lab."""
    made = with_program(lab, program.file, (FOLDER / f"{name}.py").read_text("utf-8"), ids)
    return replace(made, slow=SOON)


def complaints(program: ProgramSpec, name: str, rows: Rows, listed: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the differences between what a null program passes and what is listed for it."""
    does, may = f"a {program.file} that {nulls(program)[name]}", listed.get(name, ())
    passed = of(rows, Outcome.PASSED)
    if new := [id for id in passed if id not in may]:
        ids = ", ".join(new)
        yield (
            f"{does} passes {ids}: correct the check; if that is all that is asked for, add it to {name} in "
            "[null_programs] of wrong.toml"
        )
    if gone := [id for id in may if id in rows and id not in passed]:
        yield f"{does} does not pass {', '.join(gone)}: remove it from {name} in [null_programs] of wrong.toml"
