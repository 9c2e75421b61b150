"""The authoring gate: prove that a lab is consistent, and that its checks find what they are for.

- lab.toml, sheet, starter and suite name the same requirements, and each has hints;
- the solution passes all of them; the starter runs, and fails exactly those with a TODO in it;
- every wrong variant of the solution (`suites/LAB/wrong.toml`) fails the requirement that it
  breaks, and no other but the consequences it names; each requirement has at least three.

A variant names `fails`, the requirement; `why`, the mistake, in words; `edits`, pairs of a text that
stands once in the solution and what to put in its place; and perhaps `also`, the consequences.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import tomllib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import SuiteError
from labcheck.judging.catalogue import read_suite
from labcheck.judging.judge import judge
from labcheck.judging.options import Options
from labcheck.record.record import Outcome, Record
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labcheck.workbook.labs import Lab

VARIANTS_EACH = 3
SEED = 1


@dataclass(frozen=True)
class Variant:
    """A wrong variant of a lab's solution."""

    fails: str
    also: tuple[str, ...]
    why: str
    edits: tuple[tuple[str, str], ...]
    file: str

    def write(self, lab: Lab, folder: Path) -> None:
        """Write the solution with the variant's edits into a folder.

        Raises SuiteError where a text to be replaced does not stand in the solution exactly once.
        """
        shutil.copytree(lab.solution, folder, dirs_exist_ok=True)
        path = folder / self.file
        text = path.read_text("utf-8")
        for find, replace in self.edits:
            if text.count(find) != 1:
                raise SuiteError(f"{self}: the text stands {text.count(find)} times in {self.file}: {find!r}")
            text = text.replace(find, replace)
        compile(text, self.file, "exec")
        path.write_text(text, "utf-8")

    def __str__(self) -> str:
        return f"wrong variant of {self.fails} ({self.why})"


def variants(lab: Lab) -> list[Variant]:
    """Return the wrong variants of a lab. Raises SuiteError where their file is wrong."""
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
            )
            for entry in table["wrong"]
        ]
    except (OSError, tomllib.TOMLDecodeError, KeyError, StopIteration, ValueError) as error:
        raise SuiteError(f"{lab.name}: wrong.toml: {error}") from error


def verify(lab: Lab) -> bool:
    """Print what is wrong with a lab, a line each with what to do; return whether nothing is."""
    found, wrong = 0, variants(lab)
    for complaint in complaints(lab, wrong):
        found += 1
        print(f"{lab.name}: {complaint}", flush=True)
    print(
        f"{lab.name}: {len(lab.requirements)} requirements, {len(wrong)} wrong variants: "
        + (f"{found} complaints" if found else "consistent")
    )
    return found == 0


def complaints(lab: Lab, wrong: Sequence[Variant]) -> Iterator[str]:
    """Yield what is wrong with a lab; `wrong` are those of its variants that are judged."""
    yield from complaints_of_ids(lab)
    todo = _todo(lab)
    known = variants(lab)
    # A grading takes all processes below its own for the submission's, so it gets one of its own.
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        solution = pool.submit(_judge_folder, lab.name, str(lab.solution))
        starter = pool.submit(_judge_folder, lab.name, str(lab.starter))
        found = [pool.submit(judge_variant, lab.name, variant) for variant in wrong]
        for id in _not_passed(solution.result()):
            yield f"the solution does not pass {id}: {_reason(solution.result(), id)}"
        missed = _not_passed(starter.result())
        for id in sorted(missed - todo):
            yield f"the starter fails {id}, and has no TODO {id}: {_reason(starter.result(), id)}"
        for id in sorted(todo - missed):
            yield f"the starter passes {id}, though it has a TODO {id}: put the TODO on a line that works wrongly"
        for variant, future in zip(wrong, found, strict=True):
            yield from complaints_of_variant(variant, future.result())
    for id in lab.requirements:
        if (number := sum(variant.fails == id for variant in known)) < VARIANTS_EACH:
            yield f"{id} has {number} wrong variants: write {VARIANTS_EACH} or more into wrong.toml"


def complaints_of_ids(lab: Lab) -> Iterator[str]:
    """Yield where lab.toml, sheet, starter and suite do not name the same requirements."""
    known = set(lab.requirements)
    checks = read_suite(lab)
    sheet = (lab.starter / "README.md").read_text("utf-8")
    places = {
        "the suite": {check.id for check in checks},
        "the sheet": set(re.findall(r"^\| *(\d+\.\d+) *\|", sheet, re.MULTILINE)),
    }
    for place, ids in places.items():
        for id in sorted(known - ids):
            yield f"{place} lacks {id}, which lab.toml names"
        for id in sorted(ids - known):
            yield f"{place} has {id}, which lab.toml does not name"
    for id in sorted(_todo(lab) - known):
        yield f"the starter has a TODO {id}, which lab.toml does not name"
    for check in checks:
        if not check.title:
            yield f"the check of {check.id} has no docstring: it is the sentence that the student reads"
        if not check.hints:
            yield f"the check of {check.id} has no hints"


def _todo(lab: Lab) -> set[str]:
    files = [lab.starter / program.file for program in lab.programs]
    return {id for file in files for id in re.findall(r"TODO (\d+\.\d+)", file.read_text("utf-8"))}


def _not_passed(record: Record) -> set[str]:
    return {
        each.id for each in record.requirements if each.outcome is not Outcome.PASSED and each.id in record.selected
    }


def _reason(record: Record, id: str) -> str:
    found = next(each for each in record.requirements if each.id == id)
    said = [f"expected {found.expected}", f"received {found.received}"] if found.expected else []
    return "; ".join(filter(None, [found.outcome.replace("_", " "), found.reason, *said]))


def complaints_of_variant(variant: Variant, record: Record) -> Iterator[str]:
    """Yield where a variant's record is not what the variant says: it fails what it breaks, and nothing else."""
    missed, wanted = _not_passed(record), {variant.fails, *variant.also}
    if record.requirements and variant.fails not in {each.id for each in record.of(Outcome.FAILED)}:
        yield f"{variant} is not caught at {variant.fails}"
    for id in sorted(missed - wanted):
        yield f"{variant} is caught at {id} too: name it in `also` if it is a consequence; {_reason(record, id)}"
    for id in sorted(wanted - missed - {variant.fails}):
        yield f"{variant} names {id} as a consequence, and passes it"


def _judge_folder(lab: str, folder: str, only: tuple[str, ...] = ()) -> Record:
    return judge(load_lab(lab), Path(folder), Options(seed=SEED, only=only)).record


def judge_variant(name: str, variant: Variant) -> Record:
    """Judge a variant of the lab of that name, for the steps of its program. To be run in a process of its own."""
    lab = load_lab(name)
    # What another program does is no matter of this one's file.
    program = next(program.name for program in lab.programs if program.file == variant.file)
    steps = tuple(str(step.number) for step in lab.steps if step.program == program)
    with tempfile.TemporaryDirectory() as folder:
        variant.write(lab, Path(folder))
        return _judge_folder(name, folder, steps if len(steps) < len(lab.steps) else ())
