"""Verify that a lab is consistent, and that its checks find mistakes.

- lab.toml, sheet, starter and suite have the same requirements, and each requirement has hints.
- The solution passes all requirements. The starter runs, and fails exactly the requirements for which it has a TODO.
- Every wrong variant of the solution (`suites/LAB/wrong.toml`) fails the requirement that it breaks, and no others.
  Each requirement has at least three wrong variants.

A variant has `fails`, the requirement; `why`, the mistake in words; and `edits`, pairs of a text that occurs once in
the solution and its replacement. Optional are `also`, the requirements that are not run as a consequence; `breaks`,
further ones that the same mistake breaks; and `file`, the program to edit.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import sys
import tomllib
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from labcheck.errors import SuiteError
from labcheck.judging.catalogue import read_suite
from labcheck.judging.judge import judge
from labcheck.judging.options import Options
from labcheck.judging.run import expect_kinds
from labcheck.record.record import Outcome, Record
from labcheck.sandbox.scratch import scratch
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labcheck.workbook.labs import Lab

VARIANTS_EACH = 3
SEED = 1


class Changed(Protocol):
    """A solution with a change in one of its files. It can be sent to another process."""

    @property
    def file(self) -> str:
        """The program that is changed."""

    def write(self, lab: Lab, folder: Path) -> None:
        """Write the changed solution into a folder."""


@dataclass(frozen=True)
class Variant:
    """A wrong variant of a lab's solution."""

    fails: str
    also: tuple[str, ...]
    why: str
    edits: tuple[tuple[str, str], ...]
    file: str
    breaks: tuple[str, ...] = ()

    def write(self, lab: Lab, folder: Path) -> None:
        """Write the solution with the variant's edits into a folder.

        Raises SuiteError if a text to replace does not occur exactly once in the solution.
        """
        shutil.copytree(lab.solution, folder, dirs_exist_ok=True)
        path = folder / self.file
        text = path.read_text("utf-8")
        for find, replace in self.edits:
            if text.count(find) != 1:
                raise SuiteError(
                    f"{self}: the text to replace occurs {text.count(find)} times in {self.file}, expected 1: {find!r}"
                )
            text = text.replace(find, replace)
        compile(text, self.file, "exec")
        path.write_text(text, "utf-8")

    def __str__(self) -> str:
        return f"wrong variant of {self.fails} ({self.why})"


def variants(lab: Lab) -> list[Variant]:
    """Return the wrong variants of a lab. Raises SuiteError if wrong.toml is invalid."""
    file = lab.suite / "wrong.toml"
    try:
        table = tomllib.loads(file.read_text("utf-8"))
        return [
            Variant(
                entry["fails"],
                tuple(entry.get("also", ())),
                entry["why"],
                tuple((find, replace) for find, replace in entry["edits"]),
                entry.get("file") or lab.program_of(entry["fails"]).file,
                tuple(entry.get("breaks", ())),
            )
            for entry in table["wrong"]
        ]
    except (OSError, tomllib.TOMLDecodeError, KeyError, StopIteration, ValueError) as error:
        raise SuiteError(f"{lab.name}: wrong.toml: {error}") from error


def verify(lab: Lab) -> bool:
    """Print each problem of a lab in one line, with what to do. Return whether there are no problems."""
    found, wrong = 0, variants(lab)
    for complaint in complaints(lab, wrong):
        found += 1
        print(f"{lab.name}: {complaint}", flush=True)
    print(
        f"{lab.name}: {len(lab.requirements)} requirements, {len(wrong)} wrong variants: "
        + (f"{found} problems" if found else "consistent")
    )
    return found == 0


def complaints(lab: Lab, wrong: Sequence[Variant]) -> Iterator[str]:
    """Yield the problems of a lab. `wrong` are the variants to check."""
    expect_kinds(lab)
    yield from complaints_of_ids(lab)
    todo = _todo(lab)
    known = variants(lab)
    with judges() as pool:
        solution = pool.submit(_judge_folder, lab.name, str(lab.solution))
        starter = pool.submit(_judge_folder, lab.name, str(lab.starter))
        found = [pool.submit(judge_variant, lab.name, variant) for variant in wrong]
        for id in _not_passed(solution.result()):
            yield f"the solution does not pass {id}: {_reason(solution.result(), id)}"
        missed = _not_passed(starter.result())
        for id in sorted(missed - todo):
            yield f"the starter does not pass {id}, but has no TODO {id}: {_reason(starter.result(), id)}"
        for id in sorted(todo - missed):
            yield f"the starter passes {id}, although it has a TODO {id}: put the TODO on a line that does not work"
        for variant, future in zip(wrong, found, strict=True):
            yield from complaints_of_variant(variant, future.result())
    for id in lab.requirements:
        if (number := sum(variant.fails == id for variant in known)) < VARIANTS_EACH:
            yield f"{id} has {number} wrong variants, expected at least {VARIANTS_EACH}: add more to wrong.toml"


@contextmanager
def judges() -> Iterator[ProcessPoolExecutor]:
    """Yield an executor that checks one submission for each core. An exception, such as Ctrl+C, ends it at once.

    Each grading needs a separate process, because it takes all descendants of its process for the submission's.
    """
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            yield pool
        except BaseException:
            # On Linux, labcheck's first process ends the programs of its killed descendants (see `sandbox.pair`).
            # Elsewhere, the gradings that are running end first.
            for process in multiprocessing.active_children() if sys.platform == "linux" else ():
                process.kill()
            pool.shutdown(cancel_futures=True)
            raise


def complaints_of_ids(lab: Lab) -> Iterator[str]:
    """Yield the differences between the requirements in lab.toml, sheet, starter and suite."""
    known = set(lab.requirements)
    checks = read_suite(lab)
    sheet = (lab.starter / "README.md").read_text("utf-8")
    places = {
        "the suite": {check.id for check in checks},
        "the sheet": set(re.findall(r"^\| *(\d+\.\d+) *\|", sheet, re.MULTILINE)),
    }
    for place, ids in places.items():
        for id in sorted(known - ids):
            yield f"{place} lacks {id}, which is in lab.toml"
        for id in sorted(ids - known):
            yield f"{place} has {id}, which is not in lab.toml"
    for id in sorted(_todo(lab) - known):
        yield f"the starter has a TODO {id}, which is not in lab.toml"
    for check in checks:
        if not check.title:
            yield f"the check of {check.id} has no docstring: write the sentence that the student reads"
        if not check.hints:
            yield f"the check of {check.id} has no hints: add some"


def _todo(lab: Lab) -> set[str]:
    files = [lab.starter / program.file for program in lab.programs]
    return {id for file in files for id in re.findall(r"TODO (\d+\.\d+)", file.read_text("utf-8"))}


def _not_passed(record: Record) -> set[str]:
    return {
        each.id for each in record.requirements if each.outcome is not Outcome.PASSED and each.id in record.selected
    }


def _reason(record: Record, id: str) -> str:
    found = record.requirement(id)
    said = [f"expected {found.expected}", f"received {found.received}"] if found.expected else []
    return "; ".join(filter(None, [found.outcome.replace("_", " "), found.reason, *said]))


def complaints_of_variant(variant: Variant, record: Record) -> Iterator[str]:
    """Yield the differences between a variant's record and the failures that the variant lists."""
    failed = {each.id for each in record.of(Outcome.FAILED)}
    others, not_run = failed - {variant.fails}, _not_passed(record) - failed
    if record.requirements and variant.fails not in failed:
        yield f"{variant} does not fail {variant.fails}: correct the check or the variant"
    for id in sorted(others - {*variant.breaks}):
        yield f"{variant} fails {id}, too: correct the check, or add it to `breaks`; {_reason(record, id)}"
    for id in sorted(not_run - {*variant.also}):
        yield f"{variant} does not pass {id} either: add it to `also` if it is a consequence; {_reason(record, id)}"
    for id in sorted({*variant.breaks} - others):
        yield f"{variant} does not fail {id}: remove it from `breaks`"
    for id in sorted({*variant.also} - not_run):
        yield f"{variant} passes {id}: remove it from `also`"


def _judge_folder(lab: str, folder: str, only: tuple[str, ...] = ()) -> Record:
    return judge(load_lab(lab), Path(folder), Options(seed=SEED, only=only)).record


def judge_variant(name: str, variant: Changed) -> Record:
    """Check a variant of the lab with the given name, for the steps of its program. Run this in a separate process."""
    lab = load_lab(name)
    # Other programs do not depend on the edited file.
    program = next(program.name for program in lab.programs if program.file == variant.file)
    steps = tuple(str(step.number) for step in lab.steps if step.program == program)
    with scratch() as folder:
        variant.write(lab, folder)
        return _judge_folder(name, str(folder), steps if len(steps) < len(lab.steps) else ())
