"""One submission that is graded apart from the process that asks for it: confined, or out of an archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError, UsageError
from labcheck.isolated.graders import close_graders, grade_task, graders
from labcheck.isolated.task import Task
from labcheck.judging.judge import Judgement
from labcheck.record.record import Record
from labcheck.record.result import REFUSED
from labcheck.sandbox.protections.limits import Limits
from labcheck.submission.find import find_folder, is_packed
from labcheck.submission.handed_in import HandedIn

if TYPE_CHECKING:
    from labcheck.judging.options import Options
    from labcheck.workbook.labs import Lab


def judge_apart(lab: Lab, given: str | None, options: Options, *, required: bool) -> Judgement:
    """Judge what is in a folder, an archive or a notebook, under a protection or as well as the machine can.

    Raises UsageError where it cannot be used, or a protection is required that there is not.
    """
    path = Path(given) if given is not None and is_packed(lab, Path(given)) else find_folder(lab, given)
    try:
        name, data = HandedIn(str(path), (), (path,), (path.name,) if path.is_file() else ()).read()
    except RefusedError as error:
        raise UsageError(f"{path} cannot be checked: {error}") from error
    try:
        if options.protection == "auto":
            options = replace(options, protection=_best(lab, options.interpreter, required=required))
        reply = grade_task(Task(lab.name, name, data, str(path), options))
    finally:
        close_graders()
    if reply.kind == REFUSED:
        raise UsageError(f"{path} cannot be checked: {reply.text}")
    if reply.record is None:
        raise RuntimeError("\n".join([reply.text, *reply.faults]))
    return Judgement(Record.from_table(reply.record), reply.faults)


def _best(lab: Lab, python: str, *, required: bool) -> str:
    try:
        return graders().protection(lab.name, python)
    except UsageError:
        if required:
            raise
        return Limits.name
