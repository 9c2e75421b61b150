"""The right answer beside a wrong one: what the reference solution does in a check that fails, with the same seed.

It shows what a right program says, not how it is written. An instructor's hidden checks stay hidden.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from labcheck.isolated.side_by_side import judge_side_by_side
from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from labcheck.judging.options import Options
    from labcheck.record.record import Record
    from labcheck.workbook.labs import Lab


def add_right_answers(record: Record, lab: Lab, options: Options) -> None:
    """Add to each failed requirement the transcript of the lab's solution, if the lab comes with one.

    `options` are those of the record. Raises UsageError and MachineError as `judge_side_by_side`.
    """
    failed = [each for each in record.of(Outcome.FAILED) if each.transcript and not each.hidden]
    if not failed or not all((lab.solution / program.file).is_file() for program in lab.programs):
        return
    ids = tuple(each.id for each in failed)
    right = judge_side_by_side(lab, lab.solution, replace(options, only=ids, seed=record.seed, whole=True)).record
    for each in failed:
        found = right.requirement(each.id)
        each.beside = found.transcript if found.outcome is Outcome.PASSED else []
