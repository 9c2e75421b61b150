"""One submission that is graded apart from the process that asks for it: confined, or out of an archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError, UsageError
from labcheck.isolated.graders import close_graders, grade_task, graders
from labcheck.isolated.task import Task
from labcheck.record.record import Record
from labcheck.record.result import REFUSED
from labcheck.submission.find import find_folder, is_packed
from labcheck.submission.handed_in import HandedIn

if TYPE_CHECKING:
    from labcheck.judging.run import Options
    from labcheck.workbook.labs import Lab


def judge_apart(
    lab: Lab, given: str | None, options: Options, sandbox: str, faults: list[str], *, required: bool
) -> Record:
    """Judge what is in a folder, an archive or a notebook, under a protection or as well as the machine can.

    Raises UsageError where it cannot be used, or a protection is required that there is not; what went wrong on
    our side is added to `faults`.
    """
    path = Path(given) if given is not None and is_packed(lab, Path(given)) else find_folder(lab, given)
    try:
        name, data = HandedIn(str(path), (), (path,), (path.name,) if path.is_file() else ()).read()
    except RefusedError as error:
        raise UsageError(f"{path} cannot be checked: {error}") from error
    try:
        if sandbox == "auto":
            sandbox = _best(lab, options.python, required=required)
        task = Task(
            *(lab.name, name, data, str(path), options.seed, sandbox, options.python, options.budget, options.slow),
            only=options.only,
            whole=True,
        )
        reply = grade_task(task)
    finally:
        close_graders()
    faults += reply.faults
    if reply.kind == REFUSED:
        raise UsageError(f"{path} cannot be checked: {reply.text}")
    if reply.record is None:
        raise RuntimeError("\n".join([reply.text, *reply.faults]))
    return Record.from_table(reply.record)


def _best(lab: Lab, python: str, *, required: bool) -> str:
    try:
        return graders().protection(lab.name, python)
    except UsageError:
        if required:
            raise
        return "limits"
