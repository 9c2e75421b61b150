"""Outcomes and their reasons: what a failed check means, and why a check is not run."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labcheck.errors import ExchangeError, NotReadyError, Place, Trouble, Unmet
from labcheck.program.evidence import Complaint, Mismatch
from labcheck.protocols import kinds
from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labcheck.judging.run import Run

MOST_HUNG = 3  # checks of a program without an answer; then no more of its checks are run


@dataclass
class Finding:
    """What one check has found."""

    outcome: Outcome
    seconds: float = 0.0
    reason: str = ""
    expected: str = ""
    received: str = ""
    place: Place | None = None  # in the student's file
    hung: bool = False  # the program did not answer in time


class Blame:
    """The findings of all checks of one submission, by the ids of their requirements.

    `faults` are the tracebacks of internal errors. `direct` maps a requirement to the ones that it names in `needs`.
    """

    def __init__(self, run: Run) -> None:
        self.findings: dict[str, list[Finding]] = {}
        self.faults: list[str] = []
        self.direct: dict[str, set[str]] = {}
        self._run = run
        self._lab = run.lab

    def needs(self, id: str) -> list[str]:
        """Return the requirements that this one needs, directly or indirectly, and its program's first; in order."""
        found = {self._lab.first_of(id)}
        queue = [id]
        while queue:
            fresh = self.direct.get(queue.pop(), set()) - found
            found |= fresh
            queue += fresh
        return [need for need in self._lab.requirements if need in found - {id}]

    def why_not(self, id: str) -> str:
        """Return why a check is not run; empty if it is run."""
        program = self._lab.program_of(id)
        if given_up := self._run.fleet.given_up.get(program.name):
            return given_up
        if self._run.out_of_time():
            return f"the time limit of {self._run.options.budget:g} s for the whole submission is used up"
        if not kinds.find(program.kind).one_silence_tells and self._run.fleet.has_spoken(program):
            # One message without an answer says nothing about other messages; several do.
            hung = [each for each in self.findings if self._lab.program_of(each) == program and self._hung(each)]
            return f"{', '.join(hung)} got no answer" if len(hung) >= MOST_HUNG else ""
        for need in self.needs(id):
            if self._hung(need):
                return f"needs {need}, which got no answer"
        return ""

    def judge(self, id: str, error: BaseException | None, mismatch: Mismatch | None = None) -> Finding:
        """Turn the exception that a check raised, or None, into a finding; `mismatch` is its failed comparison.

        AssertionError, ExchangeError, NotReadyError and Unmet mean that the program fails, or that it fails another
        requirement that this one needs. Every other exception is an internal error.
        """
        if error is None:
            return Finding(Outcome.PASSED)
        if isinstance(error, AssertionError):
            expected, received, place = mismatch or Mismatch("", "")
            message = str(error).partition("\nassert ")[0]
            reason = "" if message.startswith("assert ") else message
            told = self._run.traceback(within=0)
            if place is None and told and told.said in f"{reason}\n{received}":
                place = told.place  # the comparison shows what was raised, but not where
            return Finding(Outcome.FAILED, reason=reason, expected=expected, received=received, place=place)
        if isinstance(error, ExchangeError):
            return self._no_answer(id, error)
        if isinstance(error, Unmet | NotReadyError):
            if excuse := self._excuse(id):
                return Finding(Outcome.NOT_RUN, reason=excuse)
            return Finding(Outcome.FAILED, reason=str(error), place=getattr(error, "place", None))
        self.fault(error)
        return Finding(Outcome.ERROR, reason="could not be checked (internal error in labcheck)")

    def fault(self, error: BaseException) -> None:
        """Record an internal error."""
        self.faults.append("".join(traceback.format_exception(error)))

    def _no_answer(self, id: str, error: ExchangeError) -> Finding:
        hung = error.trouble in (Trouble.SILENT, Trouble.SLOW)
        if hung and self._run.out_of_time():
            return Finding(Outcome.NOT_RUN, reason=self.why_not(id))
        if excuse := self._excuse(id):
            return Finding(Outcome.NOT_RUN, reason=excuse, hung=hung)
        kind = kinds.find(self._lab.program_of(id).kind)
        told = self._run.traceback() if error.trouble is Trouble.CLOSED or kind.silent_when_raising else Complaint("")
        return Finding(
            Outcome.FAILED,
            reason=f"your program raised {told}" if told else "",
            expected=kind.asked_for,
            received=str(error),
            place=told.place,
            hung=hung,
        )

    def _excuse(self, id: str) -> str:
        """Return the reason if a needed requirement was checked and did not pass; else an empty text."""
        missed = [need for need in self.needs(id) if _missed(self.findings.get(need, []))]
        failed = [need for need in missed if any(each.outcome is Outcome.FAILED for each in self.findings[need])]
        nearest = [need for need in failed if need in self.direct.get(id, ())][-1:]
        blamed = next(iter([*nearest, *failed, *missed]), "")
        return f"needs {blamed}, which fails" if blamed else ""

    def _hung(self, id: str) -> bool:
        return any(finding.hung for finding in self.findings.get(id, []))


def _missed(findings: Iterable[Finding]) -> bool:
    return any(finding.outcome is not Outcome.PASSED for finding in findings)
