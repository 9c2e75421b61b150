"""Verify that a lab's checks are steady: a right program passes each time, no matter how busy the machine is."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

from labcheck.authoring.right import right_programs
from labcheck.authoring.trials import Trial, check, files_of, not_passed, reason
from labcheck.authoring.verify import expect_right_files
from labcheck.classes.executors import workers_for
from labcheck.classes.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labcheck.workbook.labs import Lab

BUSY = "while True: pass"


def verify_steadiness(lab: Lab, only: Sequence[str], times: int, *, load: bool) -> bool:
    """Check the solution and the right programs several times, and print each requirement that one did not pass.

    Each time has another seed, from 1 on. `only` is as for `verify`; `load`: every processor is kept busy. Returns
    whether everything was passed. Raises SuiteError and UsageError as `verify`.
    """
    ids = lab.select(only) if only else lab.requirements
    expect_right_files(lab)
    programs = {"the solution": Trial(files_of(lab.solution), ids)}
    for each in right_programs(lab):
        if lacking := each.lacks():
            print(f"{lab.name}: {each} was left out, because {lacking} is not installed", flush=True)
        elif (trial := each.trial(lab, ids)).only:
            programs[str(each)] = trial
    trials = [
        (name, Trial(trial.files, trial.only, seed=seed))
        for seed in range(1, times + 1)
        for name, trial in programs.items()
    ]
    missed: dict[tuple[str, str], list[str]] = defaultdict(list)
    with (
        _busy() if load else contextlib.nullcontext(),
        workers_for(os.cpu_count() or 1) as workers,
        Progress(len(trials), "checking right programs", "right programs checked") as progress,
    ):
        all_found = check(lab, [trial for _, trial in trials], workers, tell=progress.advance)
        for (name, trial), found in zip(trials, all_found, strict=True):
            for id in not_passed(found.rows):
                missed[name, id].append(f"seed {trial.seed}: {reason(found.rows[id])}")
    for (name, id), why in missed.items():
        print(f"{lab.name}: {name} did not pass {id} {len(why)} of {times} times; {why[0]}")
    busy = ", with every processor busy" if load else ""
    said = f"{len(missed)} {'problem' if len(missed) == 1 else 'problems'}" if missed else "steady"
    print(f"{lab.name}: {len(programs)} right programs, {times} times each{busy}: {said}")
    return not missed


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    """Keep every processor busy for the duration of the block."""
    command = [sys.executable, "-I", "-S", "-c", BUSY]
    busy = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
