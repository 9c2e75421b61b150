"""Verify that a lab is consistent, and that its checks find mistakes.

- lab.toml, sheet, starter and suite have the same requirements, and each requirement has hints.
- The solution passes all requirements, with several seeds, and so do all right programs (see `right`).
- The starter runs, and fails exactly the requirements for which it has a TODO.
- Every wrong variant of the solution (see `variants`) fails the requirement that it breaks, and no others. Each
  requirement has at least three wrong variants.
- A program that does nothing passes nothing else than what is listed for it (see `nulls`).

What would only follow from a mistake is not reported: no program runs before the files are right, and no variant before
the solution passes. What was found before is not checked again (see `remembered`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.authoring import folders, inspection, nulls, right, variants
from labcheck.authoring.fingerprints import fingerprints
from labcheck.authoring.remembered import Remembered
from labcheck.authoring.table import Proof, table
from labcheck.authoring.trials import SEED, Trial, check, files_of, not_passed, of, reason
from labcheck.classes.executors import workers_for
from labcheck.classes.progress import Progress
from labcheck.errors import SuiteError
from labcheck.judging.catalogue import read_suite
from labcheck.judging.options import Options
from labcheck.judging.run import expect_kinds
from labcheck.record.record import Outcome
from labcheck.workbook.labs import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labcheck.authoring.right import RightProgram
    from labcheck.authoring.trials import Rows
    from labcheck.authoring.variants import Variant
    from labcheck.classes.executors import Workers
    from labcheck.workbook.labs import Lab, ProgramSpec

VARIANTS_EACH = 3
MORE_SEEDS = (2, 3)  # with which the solution is checked, too


def verify(lab: Lab, only: Sequence[str] = (), *, again: bool = False) -> bool:
    """Print each problem of a lab in one line, with what to do, then the table. Return whether there are no problems.

    `only`: requirements to verify, as for `Lab.select`; all of them by default. `again`: everything is checked,
    also what is known from before. Raises SuiteError for mistakes in the lab's files, which are found without running a
    program, and UsageError for ids that the lab does not have.
    """
    ids = lab.select(only) if only else lab.requirements
    expect_right_files(lab)
    wrong = [variant for variant in variants.variants(lab) if variant.fails in ids]
    verification = Verification(lab, ids, wrong, variants.null_programs(lab))
    found = 0
    options = Options(seed=SEED)
    with (
        Remembered(lab, fingerprints(lab, options), forgets=again, is_whole=not only) as remembered,
        workers_for(None) as workers,
    ):
        for complaint in verification.complaints(workers, remembered):
            found += 1
            print(f"{lab.name}: {complaint}", flush=True)
    for line in verification.summary():
        print(line)
    number = len(ids)
    print(
        f"{lab.name}: {number} {'requirement' if number == 1 else 'requirements'}, {len(wrong)} wrong "
        "variants: " + (f"{found} {'problem' if found == 1 else 'problems'}" if found else "consistent")
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


@dataclass(frozen=True)
class NullProgram:
    """A null program in place of a program of the lab."""

    program: ProgramSpec
    name: str


@dataclass
class Verification:
    """The verification of some requirements of a lab; `wrong` are their wrong variants."""

    lab: Lab
    ids: Sequence[str]
    wrong: list[Variant]
    listed: dict[str, list[str]]  # what null programs pass, as wrong.toml says it
    proofs: dict[str, Proof] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)  # the right programs that cannot run here, and why

    def __post_init__(self) -> None:
        infos = [info for info in read_suite(self.lab) if info.id in self.ids]
        numbers = Counter(info.id for info in infos)
        for info in infos:
            proof = self.proofs.setdefault(info.id, Proof(info.title, numbers[info.id]))
            proof.hints = max(proof.hints, len(info.hints))

    def complaints(self, workers: Workers, remembered: Remembered) -> Iterator[str]:
        """Yield the problems that show when the lab's programs run."""
        before = _state(self.lab)
        first = [self._solution(SEED), Trial(files_of(self.lab.starter), tuple(self.ids), self.lab.starter)]
        found = list(check(self.lab, first, workers, remembered))
        if mistakes := list(dict.fromkeys(mistake for each in found for mistake in each.mistakes)):
            yield from mistakes
            return
        problems = [list(of_solution(found[0].rows)), list(of_starter(self.lab, found[1].rows))]
        for trial, each, its in zip(first, found, problems, strict=True):
            yield from its
            if not its:
                remembered.keep(trial.key, each.rows)
        if not problems[0]:
            yield from self._of_others(workers, remembered)
        for id in self.ids:
            if (number := sum(variant.fails == id for variant in self.wrong)) < VARIANTS_EACH:
                noun = "wrong variant" if number == 1 else "wrong variants"
                yield f"{id} has {number} {noun}, expected at least {VARIANTS_EACH}: add more to wrong.toml"
        for path in sorted({path for path, _, _ in before ^ _state(self.lab)}):
            yield f"a check has changed {shown(Path(path))}; it must not write into the folder of a submission"

    def _solution(self, seed: int) -> Trial:
        return Trial(files_of(self.lab.solution), tuple(self.ids), self.lab.solution, seed)

    def _of_others(self, workers: Workers, remembered: Remembered) -> Iterator[str]:
        """Yield what is left, once the solution is right."""
        others = list(self._others())
        trials = [trial for _, trial in others]
        with Progress(len(trials), "checking programs", "programs checked") as progress:
            all_found = check(self.lab, trials, workers, remembered, progress.advance)
            for (what, trial), found in zip(others, all_found, strict=True):
                problems = list(self._complaints_of(what, found.rows))
                if not problems:
                    remembered.keep(trial.key, found.rows)
                yield from problems

    def _others(self) -> Iterator[tuple[int | Variant | NullProgram | RightProgram, Trial]]:
        """Yield what else is checked; a number is the seed of another check of the solution."""
        lab = self.lab
        for seed in MORE_SEEDS:
            yield seed, self._solution(seed)
        for variant in self.wrong:
            yield variant, variant.trial(lab)
        for program in lab.programs:
            if any(lab.program_of(id) == program for id in self.ids):
                for name in nulls.nulls(program):
                    yield NullProgram(program, name), nulls.trial(lab, program, name, self.ids)
        for each in right.right_programs(lab):
            if not any(lab.program_of(id) == each.program for id in self.ids):
                continue
            if lacking := each.lacks():
                self.lacking.append(f"{each} was left out, because {lacking} is not installed")
            else:
                yield each, each.trial(lab, self.ids)

    def _complaints_of(self, what: int | Variant | NullProgram | RightProgram, rows: Rows) -> Iterator[str]:
        match what:
            case int(seed):
                yield from of_solution(rows, f" with seed {seed}")
            case variants.Variant():
                found = list(of_variant(what, rows))
                self.proofs[what.fails].variants += 1
                self.proofs[what.fails].exact += not found
                yield from found
            case NullProgram(program, name):
                for each in of(rows, Outcome.PASSED):
                    self.proofs[each].nulls.append(name)
                # If a check does not find its wrong variants either, that is reported already.
                proven = {id: row for id, row in rows.items() if self.proofs[id].exact == self.proofs[id].variants}
                yield from nulls.complaints(program, name, proven, self.listed)
            case right.RightProgram():
                yield from right.complaints(what, rows)

    def summary(self) -> Iterator[str]:
        """Yield the lines of the table, and what was left out."""
        yield from table(self.proofs)
        for each in self.lacking:
            yield f"{self.lab.name}: {each}"


def of_solution(rows: Rows, when: str = "") -> Iterator[str]:
    """Yield what the solution does not pass; nothing that is not run because of a failure."""
    missed = not_passed(rows)
    for id in [id for id in missed if rows[id].outcome is not Outcome.NOT_RUN] or missed:
        yield f"the solution does not pass {id}{when}: {reason(rows[id])}"


def of_starter(lab: Lab, rows: Rows) -> Iterator[str]:
    """Yield how the starter differs from its TODOs."""
    todo, missed = folders.todos(lab), not_passed(rows)
    if not missed and not todo:
        yield "the starter passes everything: there is nothing to do"
    stopped = {lab.first_of(id) for id in missed if id not in todo} & {*missed}
    for id in [id for id in missed if id not in todo]:
        if id in stopped:
            yield f"the starter does not start, and has no TODO {id}; a starter runs: {reason(rows[id])}"
        elif lab.first_of(id) not in stopped:
            yield f"the starter does not pass {id}, but has no TODO {id}: {reason(rows[id])}"
    for id, place in todo.items():
        if id in rows and id not in missed:
            yield f"{place}: the starter passes {id}, although it has a TODO {id}: put it on a line that does not work"


def of_variant(variant: Variant, rows: Rows) -> Iterator[str]:
    """Yield the differences between what a variant fails and what it lists."""
    failed = {*of(rows, Outcome.FAILED)}
    others, not_run = failed - {variant.fails}, {*not_passed(rows)} - failed
    if variant.fails not in failed and others - {*variant.breaks}:
        instead = ", ".join(sorted(others))
        yield f"{variant} fails {instead}, but not {variant.fails}: correct `fails`, the check or the variant"
        return
    if variant.fails not in failed:
        yield f"{variant} does not fail {variant.fails}: correct the check or the variant"
    for id in sorted(others - {*variant.breaks}):
        yield (
            f"{variant} fails {id}, too: correct the check, name {variant.fails} in its `needs`, or add {id} to "
            f"`breaks`; {reason(rows[id])}"
        )
    for id in sorted(not_run - {*variant.also}):
        yield f"{variant} does not pass {id} either: add it to `also` if it is a consequence; {reason(rows[id])}"
    for id in sorted({*variant.breaks} - others):
        yield f"{variant} does not fail {id}: remove it from `breaks`"
    for id in sorted({*variant.also} - not_run):
        yield f"{variant} passes {id}: remove it from `also`"


def _state(lab: Lab) -> set[tuple[str, int, int]]:
    """Return the files of the starter and the solution, with what shows that one has changed."""
    paths = (path for folder in (lab.starter, lab.solution) for path in folder.rglob("*") if path.is_file())
    return {(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths if path.suffix != ".pyc"}
