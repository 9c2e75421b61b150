"""The first message about a mistake names its cause: a table of mistakes for each lab, `LAB.toml` beside this file.

An entry `[[mistake]]` is a change of the lab's solution, and what a beginner reads about it:

- `name`: the test's id; `why`: the mistake in words.
- `edits`: pairs of a text that occurs once in the solution and its replacement; `file`: the program to edit.
- `files`: whole files by name, added or replaced; `without`: names of files to remove.
- `fails`: the ids that are red, and no others are.
- `first`: facts in the first failure's message, or in the first one at all if nothing fails, as the terminal shows it,
  with every gap between words read as one blank. A fact between slashes is a regular expression.
- `never`: facts that are nowhere in the whole report.
- `posix`: on Windows, the mistake has other effects.
- `options`: further words of the command, such as `["--only", "2"]`, without which the whole lab is checked.
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labcheck.authoring.variants import Variant
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Result

HEADING = re.compile(r"^    (ok|FAIL|--|ERROR) +([\d.]+) ", re.MULTILINE)
END = re.compile(r"^(    (ok|FAIL|--|ERROR) |  \d)", re.MULTILINE)  # of a message: a heading of another, or a step


@dataclass(frozen=True)
class Mistake:
    """An entry of a table."""

    lab: str
    name: str
    why: str
    fails: list[str]
    first: list[str]
    never: list[str] = field(default_factory=list)
    edits: list[tuple[str, str]] = field(default_factory=list)
    file: str = ""
    files: dict[str, str] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    posix: bool = False

    def write(self, folder: Path) -> None:
        """Write the solution with this mistake into a folder."""
        lab = load_lab(self.lab)
        program = lab.program_of(self.fails[0]) if self.fails else lab.programs[0]
        edits = tuple((find, replace) for find, replace in self.edits)
        Variant(self.name, (), self.why, edits, self.file or program.file).write(lab, folder)
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        for name in self.without:
            (folder / name).unlink()


def mistakes() -> list[Mistake]:
    """Return the entries of all tables."""
    return [
        Mistake(file.stem, **entry)
        for file in sorted(Path(__file__).parent.glob("*.toml"))
        for entry in tomllib.loads(file.read_text("utf-8"))["mistake"]
    ]


def plain(text: str) -> str:
    """Return a text with one blank for every gap between its words: the terminal's lines are wrapped."""
    return " ".join(text.split())


def has(fact: str, text: str) -> bool:
    """Return whether a fact is in a text."""
    is_pattern = len(fact) > 1 and fact[0] == fact[-1] == "/"
    return bool(re.search(fact[1:-1], text)) if is_pattern else plain(fact) in text


@pytest.mark.sample(12)
@pytest.mark.parametrize("mistake", [pytest.param(each, id=f"{each.lab}-{each.name}") for each in mistakes()])
def test_first_message_names_the_cause(mistake: Mistake, labcheck: Callable[..., Result], tmp_path: Path) -> None:
    """Only what is broken is red, and the first red line says what is wrong."""
    if mistake.posix and sys.platform == "win32":
        pytest.skip("on Windows, this mistake has other effects")
    mistake.write(tmp_path / "submission")
    report = labcheck(mistake.lab, tmp_path / "submission", "--seed", 1, "--all", *mistake.options).out
    headings = [each for each in HEADING.finditer(report) if each[1] != "ok"]
    failures = [each for each in headings if each[1] == "FAIL"]
    assert [each[2] for each in failures] == mistake.fails, report
    first = (failures or headings)[0]
    end = END.search(report, first.end())
    message = plain(report[first.start() : end.start() if end else None])
    assert [fact for fact in mistake.first if not has(fact, message)] == [], report
    assert [fact for fact in mistake.never if has(fact, plain(report))] == [], report
