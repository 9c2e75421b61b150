"""Verify that a lab is consistent, and that its checks find mistakes.

- lab.toml, sheet, starter and suite have the same requirements, and each requirement has hints.
- The solution passes all requirements. The starter runs, and fails exactly the requirements for which it has a TODO.
- Every wrong variant of the solution (see `variants`) fails the requirement that it breaks, and no others. Each
  requirement has at least three wrong variants.

What would only follow from a mistake is not reported: no program runs before the files are right, and no variant before
the solution passes.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from labcheck.authoring import folders, inspection, variants
from labcheck.classes.progress import Progress
from labcheck.errors import SuiteError
from labcheck.judging.judge import Judgement, judge
from labcheck.judging.options import Options
from labcheck.judging.run import expect_kinds
from labcheck.record.record import Outcome, Record
from labcheck.sandbox.scratch import scratch
from labcheck.workbook.labs import load_lab, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labcheck.authoring.variants import Variant
    from labcheck.workbook.labs import Lab

VARIANTS_EACH = 3
EACH_CORE = 2  # gradings at once, which wait for a part of their time
SEED = 1


class Changed(Protocol):
    """A solution with a change in one of its files. It can be sent to another process."""

    @property
    def file(self) -> str:
        """The program that is changed."""

    def write(self, lab: Lab, folder: Path) -> None:
        """Write the changed solution into a folder."""


def verify(lab: Lab) -> bool:
    """Print each problem of a lab in one line, with what to do. Return whether there are no problems.

    Raises SuiteError for mistakes in the lab's files, which are found without running a program.
    """
    expect_right_files(lab)
    found, wrong = 0, variants.variants(lab)
    for complaint in complaints(lab, wrong):
        found += 1
        print(f"{lab.name}: {complaint}", flush=True)
    number = len(lab.requirements)
    print(
        f"{lab.name}: {number} {'requirement' if number == 1 else 'requirements'}, {len(wrong)} wrong variants: "
        + (f"{found} {'problem' if found == 1 else 'problems'}" if found else "consistent")
    )
    return found == 0


def expect_right_files(lab: Lab) -> None:
    """Raise SuiteError, with a line for each mistake in the lab's files, in the order in which to correct them."""
    mistakes: list[str] = []
    try:
        expect_kinds(lab)
    except SuiteError as error:
        mistakes += str(error).splitlines()
    mistakes += inspection.mistakes_of(lab)
    mistakes += (others := folders.mistakes_of(lab))
    if lab.suite.is_dir():
        can_edit = not any(each.startswith(shown(lab.solution)) for each in others)
        mistakes += variants.mistakes_of(lab, can_edit=can_edit)
    if mistakes:
        raise SuiteError(*mistakes)


def complaints(lab: Lab, wrong: Sequence[Variant]) -> Iterator[str]:
    """Yield the problems of a lab that show when its programs run. `wrong` are the variants to check."""
    before = _files(lab)
    with judges() as pool:
        solution = pool.submit(_judge_folder, lab.name, str(lab.solution))
        starter = pool.submit(_judge_folder, lab.name, str(lab.starter))
        if errors := list(dict.fromkeys((*solution.result().mistakes, *starter.result().mistakes))):
            yield from errors
            return
        problems = list(_of_solution(lab, solution.result().record))
        yield from problems
        yield from _of_starter(lab, starter.result().record)
        if problems:
            return
        with Progress(len(wrong), "checking wrong variants", "wrong variants checked") as progress:
            found = [pool.submit(judge_variant, lab.name, variant) for variant in wrong]
            for variant, future in zip(wrong, found, strict=True):
                yield from complaints_of_variant(variant, future.result())
                progress.advance()
    for id in lab.requirements:
        if (number := sum(variant.fails == id for variant in variants.variants(lab))) < VARIANTS_EACH:
            noun = "wrong variant" if number == 1 else "wrong variants"
            yield f"{id} has {number} {noun}, expected at least {VARIANTS_EACH}: add more to wrong.toml"
    for path in sorted({path for path, _, _ in before ^ _files(lab)}):
        yield f"a check has changed {shown(Path(path))}; it must not write into the folder of a submission"


def _of_solution(lab: Lab, record: Record) -> Iterator[str]:
    """Yield what the solution does not pass; nothing that is not run because of a failure."""
    missed = _not_passed(record)
    undone = [id for id in missed if record.requirement(id).outcome is not Outcome.NOT_RUN] or missed
    for id in undone:
        yield f"the solution does not pass {id}: {_reason(record, id)}"


def _of_starter(lab: Lab, record: Record) -> Iterator[str]:
    """Yield how the starter differs from its TODOs."""
    todo, missed = folders.todos(lab), _not_passed(record)
    if not missed and not todo:
        yield "the starter passes everything: there is nothing to do"
    stopped = {lab.first_of(id) for id in missed if id not in todo} & {*missed}
    for id in [id for id in missed if id not in todo]:
        if id in stopped:
            yield f"the starter does not start, and has no TODO {id}; a starter runs: {_reason(record, id)}"
        elif lab.first_of(id) not in stopped:
            yield f"the starter does not pass {id}, but has no TODO {id}: {_reason(record, id)}"
    for id, place in todo.items():
        if id not in missed:
            yield f"{place}: the starter passes {id}, although it has a TODO {id}: put it on a line that does not work"


def _files(lab: Lab) -> set[tuple[str, int, int]]:
    """Return the files of the starter and the solution, with what shows that one has changed."""
    paths = (path for folder in (lab.starter, lab.solution) for path in folder.rglob("*") if path.is_file())
    return {(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths if path.suffix != ".pyc"}


@contextmanager
def judges() -> Iterator[ProcessPoolExecutor]:
    """Yield an executor that checks several submissions at once. An exception, such as Ctrl+C, ends it at once.

    Each grading needs a separate process, because it takes all descendants of its process for the submission's.
    """
    with ProcessPoolExecutor(
        EACH_CORE * (os.cpu_count() or 1), mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        try:
            yield pool
        except BaseException:
            # On Linux, labcheck's first process ends the programs of its killed descendants (see `sandbox.pair`).
            # Elsewhere, the gradings that are running end first.
            for process in multiprocessing.active_children() if sys.platform == "linux" else ():
                process.kill()
            pool.shutdown(cancel_futures=True)
            raise


def _not_passed(record: Record) -> list[str]:
    """Return the requirements that did not pass, in the order of the lab."""
    return [
        each.id for each in record.requirements if each.outcome is not Outcome.PASSED and each.id in record.selected
    ]


def _reason(record: Record, id: str) -> str:
    found = record.requirement(id)
    said = [f"expected {found.expected}", f"received {found.received}"] if found.expected else []
    return "; ".join(filter(None, [found.outcome.replace("_", " "), found.reason, *said]))


def complaints_of_variant(variant: Variant, record: Record) -> Iterator[str]:
    """Yield the differences between a variant's record and the failures that the variant lists."""
    failed = {each.id for each in record.of(Outcome.FAILED)}
    others, not_run = failed - {variant.fails}, {*_not_passed(record)} - failed
    if record.requirements and variant.fails not in failed and others - {*variant.breaks}:
        instead = ", ".join(sorted(others))
        yield f"{variant} fails {instead}, but not {variant.fails}: correct `fails`, the check or the variant"
        return
    if record.requirements and variant.fails not in failed:
        yield f"{variant} does not fail {variant.fails}: correct the check or the variant"
    for id in sorted(others - {*variant.breaks}):
        yield (
            f"{variant} fails {id}, too: correct the check, name {variant.fails} in its `needs`, or add {id} to "
            f"`breaks`; {_reason(record, id)}"
        )
    for id in sorted(not_run - {*variant.also}):
        yield f"{variant} does not pass {id} either: add it to `also` if it is a consequence; {_reason(record, id)}"
    for id in sorted({*variant.breaks} - others):
        yield f"{variant} does not fail {id}: remove it from `breaks`"
    for id in sorted({*variant.also} - not_run):
        yield f"{variant} passes {id}: remove it from `also`"


def _judge_folder(lab: str, folder: str, only: tuple[str, ...] = ()) -> Judgement:
    return judge(load_lab(lab), Path(folder), Options(seed=SEED, only=only))


def judge_variant(name: str, variant: Changed) -> Record:
    """Check a variant of the lab with the given name, for the steps of its program. Run this in a separate process."""
    lab = load_lab(name)
    # Other programs do not depend on the edited file.
    program = next(program.name for program in lab.programs if program.file == variant.file)
    steps = tuple(str(step.number) for step in lab.steps if step.program == program)
    with scratch() as folder:
        variant.write(lab, folder)
        return _judge_folder(name, str(folder), steps if len(steps) < len(lab.steps) else ()).record
