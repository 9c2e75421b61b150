"""Check one submission in a separate process, because it is confined or packed in an archive."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from labcheck.errors import MachineError, RefusedError, UsageError, raise_errors
from labcheck.isolated.graders import close_graders, grade_task, graders
from labcheck.isolated.task import Task
from labcheck.judging.catalogue import expect_suite
from labcheck.judging.judge import Judgement
from labcheck.record.record import Record
from labcheck.record.result import REFUSED
from labcheck.sandbox.protections.limits import Limits
from labcheck.submission.handed_in import HandedIn

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.judging.judge import Listener
    from labcheck.judging.options import Options
    from labcheck.workbook.labs import Lab


def judge_apart(
    lab: Lab, path: Path, options: Options, listener: Listener | None = None, *, required: bool = False
) -> Judgement:
    """Check a folder, an archive or a notebook under a protection.

    If the protection is `auto`, the strongest available is used; without any, only resource limits are set, or, if a
    protection is `required`, UsageError is raised. UsageError is also raised for an invalid submission, and
    MachineError if the grading was ended from outside or this machine lacks something. For `listener`, see `judge`.
    """
    try:
        name, data = HandedIn(str(path), (), (path,), (path.name,) if path.is_file() else ()).read(lab)
    except RefusedError as error:
        raise UsageError(f"{path} cannot be checked: {error}") from error
    try:
        if options.protection == "auto":
            options = replace(options, protection=_best(lab, options.interpreter, required=required))
        reply = grade_task(Task(lab.name, name, data, str(path), options, live=listener is not None), listener)
    finally:
        close_graders()
    if reply.kind == REFUSED:
        raise UsageError(f"{path} cannot be checked: {reply.text}")
    if reply.record is None:
        expect_suite(lab)
        raise_errors(reply.faults, reply.mistakes)
        raise MachineError(reply.text)
    return Judgement(Record.from_table(reply.record), reply.faults, reply.text, tuple(reply.mistakes))


def _best(lab: Lab, python: str, *, required: bool) -> str:
    try:
        return graders().protection(lab.name, python)
    except UsageError:
        if required:
            raise
        return Limits.name
