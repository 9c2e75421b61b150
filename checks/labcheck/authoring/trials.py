"""The programs that `verify` checks, and how: several side by side, each in a folder of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labcheck.classes.grade import run
from labcheck.errors import MachineError, raise_errors
from labcheck.isolated.task import Task
from labcheck.judging.options import Options
from labcheck.record.record import Outcome, RequirementResult
from labcheck.sandbox.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from labcheck.authoring.remembered import Remembered
    from labcheck.classes.executors import Workers
    from labcheck.workbook.labs import Lab

SEED = 1
Rows = Mapping[str, RequirementResult]  # the results of the requirements that were checked, by id


@dataclass(frozen=True)
class Trial:
    """A submission to check.

    `files` are its files, by path. `only`: the requirements to check. `folder`: the folder of the lab that these files
    are in; it is checked where it is. `seed` and `slow` are those of the grading.
    """

    files: Mapping[str, bytes]
    only: tuple[str, ...]
    folder: Path | None = None
    seed: int = SEED
    slow: float = 1.0

    @property
    def key(self) -> str:
        """A digest of what is checked, and of the seed."""
        digest = hashlib.sha256(f"{self.seed}".encode())
        for name, data in sorted(self.files.items()):
            digest.update(f"{name}\0{len(data)}\0".encode("utf-8", "surrogateescape") + data)
        return digest.hexdigest()

    def write(self, folder: Path) -> None:
        """Write the files into a folder."""
        for name, data in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


@dataclass(frozen=True)
class Found:
    """The results of a trial; `mistakes` are those of the suite's author, each in one line."""

    rows: Rows
    mistakes: tuple[str, ...] = ()


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files in a folder of a lab, by path; not what Python keeps there."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def with_program(lab: Lab, file: str, text: str, ids: Sequence[str]) -> Trial:
    """Return the trial of a solution in which one program has another text: only it is checked.

    The other programs do not depend on it.
    """
    only = tuple(id for id in ids if lab.program_of(id).file == file)
    return Trial({**files_of(lab.solution), file: text.encode()}, only)


def check(
    lab: Lab,
    trials: Sequence[Trial],
    workers: Workers,
    remembered: Remembered | None = None,
    tell: Callable[[], None] = lambda: None,
) -> Iterator[Found]:
    """Check trials, and yield what was found, in their order. What is known already is not checked again.

    `tell` is called when a trial is done. Raises MachineError if this machine lacks something, SuiteError for
    an error in the suite that stops every check, and Fault after an internal error.
    """
    known = [remembered.rows(trial.key) if remembered else {} for trial in trials]
    missing = [tuple(id for id in trial.only if id not in rows) for trial, rows in zip(trials, known, strict=True)]
    done = {number: Found(rows) for number, rows in enumerate(known) if not missing[number]}
    for _ in done:
        tell()
    number = 0  # of the next trial to yield
    with scratch() as top:
        tasks = (
            (str(place), _task(lab, trial, ids, top / str(place)))
            for place, (trial, ids) in enumerate(zip(trials, missing, strict=True))
            if ids
        )
        for result in run(tasks, workers):
            if result.record is None:
                raise_errors(result.faults, result.mistakes)
                raise MachineError(result.reason)
            place = int(result.key)
            rows = {id: result.record.requirement(id) for id in missing[place]}
            done[place] = Found({**known[place], **rows}, result.mistakes)
            tell()
            while number in done:
                yield _in_order(trials[number], done.pop(number))
                number += 1
    for place in sorted(done):
        yield _in_order(trials[place], done[place])


def _task(lab: Lab, trial: Trial, ids: tuple[str, ...], folder: Path) -> Task:
    if trial.folder is None:
        trial.write(folder)
    options = Options(seed=trial.seed, only=ids, budget=lab.budget, slow=trial.slow, whole=False)
    place = str(trial.folder or folder)
    return Task(lab.name, "", b"", place, options, folder=place)


def _in_order(trial: Trial, found: Found) -> Found:
    """Return what was found of the requirements to check, in their order."""
    return Found({id: found.rows[id] for id in trial.only}, found.mistakes)


def of(rows: Rows, outcome: Outcome) -> list[str]:
    """Return the requirements with an outcome, in the order of the lab."""
    return [id for id, row in rows.items() if row.outcome is outcome]


def not_passed(rows: Rows) -> list[str]:
    """Return the requirements that did not pass, in the order of the lab."""
    return [id for id, row in rows.items() if row.outcome is not Outcome.PASSED]


def reason(row: RequirementResult) -> str:
    """Return in words why a requirement did not pass."""
    said = [f"expected {row.expected}", f"received {row.received}"] if row.expected else []
    return "; ".join(filter(None, [row.outcome.replace("_", " "), row.reason, *said]))
