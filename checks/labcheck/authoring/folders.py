"""The sheet, the starter and the solution of a lab: what is missing in them, found without running a program.

In the sheet, a requirement is a row of a table that begins with its id (`| 2.1 | ...`), and a step is a heading
(`## Step 2: names`). In the starter, a comment `TODO 2.1` marks a line that does not work.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from labcheck.workbook.labs import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labcheck.workbook.labs import Lab

ROW = re.compile(r"^\| *(\d+\.\d+) *\|", re.MULTILINE)
HEADING = re.compile(r"^## Step (\d+):", re.MULTILINE)
TODO = re.compile(r"TODO (\d+\.\d+)")


def mistakes_of(lab: Lab) -> list[str]:
    """Return the mistakes in the folders of a lab, a line for each."""
    return [*_of_programs(lab, lab.solution), *_of_programs(lab, lab.starter), *_of_sheet(lab), *_of_todos(lab)]


def todos(lab: Lab) -> dict[str, str]:
    """Return the ids of the TODOs in the starter, each with the place of the first one."""
    found: dict[str, str] = {}
    for file in (lab.starter / program.file for program in lab.programs):
        if file.is_file():
            text = file.read_text("utf-8", "replace")
            for match in TODO.finditer(text):
                found.setdefault(match[1], _place(file, text, match))
    return found


def _of_programs(lab: Lab, folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        yield f"{shown(folder)}: there is no such folder; it holds the solution"
        return
    for file in (folder / program.file for program in lab.programs):
        try:
            ast.parse(file.read_bytes(), str(file))
        except FileNotFoundError:
            yield f"{shown(file)}: there is no such file, which is in lab.toml"
        except SyntaxError as error:
            yield f"{shown(file)}:{error.lineno}: {type(error).__name__}: {error.msg}"
        except (OSError, ValueError) as error:
            yield f"{shown(file)}: cannot be read: {error}"


def _of_sheet(lab: Lab) -> Iterator[str]:
    file = lab.starter / "README.md"
    if not file.is_file():
        yield f"{shown(file)}: there is no such file; it is the sheet"
        return
    text = file.read_text("utf-8", "replace")
    rows = {match[1]: _place(file, text, match) for match in ROW.finditer(text)}
    headings = {int(match[1]): _place(file, text, match) for match in HEADING.finditer(text)}
    for step in lab.steps:
        if step.number not in headings:
            yield f'{shown(file)}: there is no heading "## Step {step.number}: ..." for {step.title}'
    for id in lab.requirements:
        if id not in rows:
            yield f'{shown(file)}: there is no row "| {id} | ..." in a table for {id}, which is in lab.toml'
    for number, place in headings.items():
        if not 1 <= number <= len(lab.steps):
            yield f"{place}: a heading of step {number}; lab.toml has the steps 1 to {len(lab.steps)}"
    for id, place in rows.items():
        if id not in lab.requirements:
            yield f"{place}: a row of {id}, which is not in lab.toml"


def _of_todos(lab: Lab) -> Iterator[str]:
    for id, place in todos(lab).items():
        if id not in lab.requirements:
            yield f"{place}: a TODO {id}, which is not in lab.toml"


def _place(file: Path, text: str, match: re.Match[str]) -> str:
    return f"{shown(file)}:{text.count(chr(10), 0, match.start()) + 1}"
