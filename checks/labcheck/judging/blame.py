"""Outcomes and their reasons: what a failed check means, and why a check is not run."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import ExchangeError, NotReadyError, Place, Trouble, Unmet
from labcheck.judging.mistakes import frame_in, is_authors, is_pytests, told
from labcheck.program.evidence import BrokenOff, Complaint, Mismatch
from labcheck.protocols import kinds
from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from labcheck.judging.run import Run
    from labcheck.record.difference import Difference
    from labcheck.record.excerpt import Excerpt
    from labcheck.workbook.labs import Lab

ORDER = (Outcome.PASSED, Outcome.ERROR, Outcome.NOT_RUN, Outcome.FAILED)
NOT_PASSED = {  # in words; the first one that applies is the reason why another requirement is not run
    Outcome.FAILED: "which fails",
    Outcome.ERROR: "which could not be checked",
    Outcome.NOT_RUN: "which was not run",
}
MOST_OVER = 2.0  # times the time left: a check that would take longer is not even begun
SLOW = 0.5  # seconds for an answer on average; then one silence costs too much time to try another check
MOST_HUNG = 3  # checks of a program without an answer; then no more of its checks are run


def needs_of(lab: Lab, id: str, direct: Mapping[str, set[str]]) -> list[str]:
    """Return what a requirement needs, directly or indirectly, and its program's first requirement; in their order.

    `direct` maps a requirement to the ones that its checks name.
    """
    found = {lab.first_of(id)}
    queue = [id]
    while queue:
        fresh = direct.get(queue.pop(), set()) - found
        found |= fresh
        queue += fresh
    return [need for need in lab.requirements if need in found - {id}]


@dataclass
class Finding:
    """What one check has found."""

    outcome: Outcome
    seconds: float = 0.0
    reason: str = ""
    expected: str = ""
    received: str = ""
    difference: Difference | None = None  # of two texts, or of two sequences of bytes
    place: Place | None = None  # in the student's file
    excerpt: Excerpt | None = None  # the lines around it, if Python cannot read them
    hung: bool = False  # the program did not answer in time
    ended: bool = False  # because the program ended by itself after its first client
    raised: str = ""  # the exception of the program that caused it


class Blame:
    """The findings of all checks of one submission, by the ids of their requirements.

    `faults` are the tracebacks of internal errors and of errors in checks; `mistakes` are the latter, each in a line.
    `direct` maps a requirement to the ones that its checks name in `needs` and `explained_by`.
    """

    def __init__(self, run: Run, selected: Sequence[str]) -> None:
        self.findings: dict[str, list[Finding]] = {}
        self.faults: list[str] = []
        self.mistakes: list[str] = []
        self.direct: dict[str, set[str]] = {}
        self._run = run
        self._selected = selected
        self._lab = run.lab

    def needs(self, id: str) -> list[str]:
        """Return the requirements that this one needs; see `needs_of`."""
        return needs_of(self._lab, id, self.direct)

    def why_not(self, id: str, *, shares_its_program: bool, exchanges: int) -> str:
        """Return why a check is not run; empty if it is run.

        `shares_its_program`: it uses the process that most checks use, and that may be stuck. `exchanges`: how many
        exchanges it takes, one after the other.
        """
        program = self._lab.program_of(id)
        if given_up := self._run.fleet.given_up.get(program.name):
            first = self._lab.first_of(id)
            is_hidden = first not in self._selected and self.outcome(first) is Outcome.FAILED
            return f"{given_up}: --only {first} shows why" if is_hidden else given_up
        if self._run.out_of_time():
            return self._out_of_time()
        if self.outcome(id) is Outcome.FAILED:
            return "another check of it fails"
        if seconds := self._run.too_slow_for(exchanges, share=MOST_OVER):
            more = self._run.more_time(1 + seconds / self._run.options.budget)
            would = "its exchange" if exchanges == 1 else f"its {exchanges} exchanges"
            return f"{would} would take {seconds:.0f} s; {more}"
        tells = kinds.find(program.kind).one_silence_tells or self._run.fleet.pace(program) >= SLOW
        if not tells and self._run.fleet.has_spoken(program):
            # One message without an answer says nothing about other messages; several do.
            hung = [each for each in self.findings if self._lab.program_of(each) == program and self._hung(each)]
            is_stuck = shares_its_program and len(hung) >= MOST_HUNG
            return f"{', '.join(hung)} got no answer" if is_stuck else ""
        for need in self.needs(id):
            if self._hung(need):
                return f"needs {need}, which got no answer"
        return ""

    def judge(
        self,
        id: str,
        error: BaseException | None,
        mismatch: Mismatch | None,
        place: str,
        explained_by: Sequence[str],
    ) -> Finding:
        """Turn the exception that a check raised, or None, into a finding; `mismatch` is its failed comparison.

        `place` is where the check begins, and `explained_by` the requirements whose failure explains all of its own.

        AssertionError, ExchangeError, NotReadyError and Unmet mean that the program fails, or that it fails another
        requirement that this one needs. Every other exception is an error: internal, or of the check's author.
        """
        finding = self._finding(id, error, mismatch, place, explained_by)
        # What one client got before the program ended is luck: `report_once` does not count it.
        by_luck = finding.outcome is Outcome.PASSED and self._run.check.transcript.events
        if (finding.outcome is Outcome.FAILED or by_luck) and (reason := self._run.served_one_client()):
            finding.reason, finding.ended = reason, True
        elif finding.raised and (first := self._first_that_raised(id, finding.raised)):
            return Finding(Outcome.NOT_RUN, reason=f"your program raised the same exception as in {first}")
        return finding

    def report_once(self, selected: Iterable[str]) -> None:
        """Keep the first failure of each program that ends after its first client; the others follow from that.

        `selected` are the requirements in the report.
        """
        first: dict[str, Finding] = {}
        found = [(self._lab.program_of(id).name, each) for id in selected for each in self.findings.get(id, [])]
        for program, finding in found:
            if finding.ended and first.setdefault(program, finding) is finding:
                finding.outcome = Outcome.FAILED
            elif finding.ended:
                finding.outcome, finding.expected, finding.received = Outcome.NOT_RUN, "", ""
                finding.difference = finding.place = finding.excerpt = None
        for program, finding in found:
            if finding.outcome is Outcome.NOT_RUN and program in first:
                finding.reason = first[program].reason

    def outcome(self, id: str) -> Outcome | None:
        """Return the outcome of a requirement up to now; None if none of its checks has ended."""
        found = self.findings.get(id)
        return worst(found).outcome if found else None

    def fault(self, error: BaseException, reason: str = "") -> None:
        """Record an internal error, or one of a check's author."""
        self.faults.append("".join([f"{reason}\n" * bool(reason), *traceback.format_exception(error)]))

    def _finding(
        self,
        id: str,
        error: BaseException | None,
        mismatch: Mismatch | None,
        place: str,
        explained_by: Sequence[str],
    ) -> Finding:
        if error is None:
            return Finding(Outcome.PASSED)
        if isinstance(error, AssertionError | ExchangeError | NotReadyError | Unmet) and self._run.out_of_time():
            return Finding(Outcome.NOT_RUN, reason=self._out_of_time())  # a wait may have been cut short
        if isinstance(error, AssertionError):
            if any(self.outcome(need) in NOT_PASSED for need in explained_by):
                return Finding(Outcome.NOT_RUN, reason=self._excuse(id))
            message = str(error).partition("\nassert ")[0]
            reason = "" if message.startswith("assert ") else message
            return self._differs(reason, mismatch or Mismatch("", ""))
        if isinstance(error, ExchangeError):
            return self._no_answer(id, error)
        if isinstance(error, Unmet | NotReadyError):
            if excuse := self._excuse(id):
                return Finding(Outcome.NOT_RUN, reason=excuse)
            if isinstance(error, Unmet):
                return Finding(Outcome.FAILED, reason=str(error) or "a precondition of this check does not hold")
            excerpt = self._run.excerpt(error)
            return Finding(Outcome.FAILED, reason=str(error), place=error.place, excerpt=excerpt)
        reason = self._error_of_author(id, error, place) or "could not be checked (internal error in labcheck)"
        self.fault(error, reason)
        return Finding(Outcome.ERROR, reason=reason)

    def _error_of_author(self, id: str, error: BaseException, place: str) -> str:
        """Return in words that a check has raised an exception, or cannot be run; "" for an internal error."""
        if is_authors(error, self._lab) or (frame_in(error, self._lab.suite) is None and is_pytests(error)):
            mistake = told(error, self._lab, place)
            where, _, what = mistake.partition(": ")
            self.mistakes.append(f"{where} (check of {id}): {what}")
            return f"could not be checked: {what} ({Path(where).name}); this is an error in the lab"
        if self._lab.more is None:
            return ""
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).resolve().is_relative_to(self._lab.more.resolve())]
        if not own:
            return ""
        place = f"{Path(own[-1].filename).name}, line {own[-1].lineno}"
        raised = "".join(traceback.format_exception_only(error)).strip()
        return f"could not be checked: the check itself raised {raised} ({place}); this is an error of its author"

    def _differs(self, reason: str, mismatch: Mismatch) -> Finding:
        """Return the finding of a failed comparison, with its cause if the program's output and its end show it."""
        expected, received, place, difference = mismatch
        broke_off = isinstance(mismatch, BrokenOff)
        told = self._run.traceback() if broke_off else Complaint("")
        ended = self._run.how_it_ended()
        told = told or self._run.traceback(within=0)  # it may have come before the end
        if not broke_off and not ended:
            if place is None and told and told.said in f"{reason}\n{received}":
                place = told.place  # the comparison shows what was raised, but not where
            return Finding(Outcome.FAILED, 0.0, reason, expected, received, difference, place)
        cause = _what_it_did(told, ended) or self._run.told_by_output()
        reason = "; ".join(filter(None, (reason, cause)))
        raised = told.advice or told
        return Finding(Outcome.FAILED, 0.0, reason, expected, received, difference, told.place, raised=raised)

    def _out_of_time(self) -> str:
        done = sum(any(each.outcome is not Outcome.NOT_RUN for each in found) for found in self.findings.values())
        return self._run.why_out_of_time(done, len(self._selected))

    def _no_answer(self, id: str, error: ExchangeError) -> Finding:
        hung = error.trouble in (Trouble.SILENT, Trouble.SLOW)
        if excuse := self._excuse(id):
            return Finding(Outcome.NOT_RUN, reason=excuse, hung=hung)
        kind = kinds.find(self._lab.program_of(id).kind)
        told = self._run.traceback()
        ended = self._run.how_it_ended(error)
        return Finding(
            Outcome.FAILED,
            reason=_what_it_did(told, ended) or self._run.told_by_output(error),
            expected=kind.asked_for,
            received=str(error),
            difference=getattr(error, "difference", None),
            place=told.place,
            hung=hung,
            raised=told.advice or told,
        )

    def _excuse(self, id: str) -> str:
        """Return the reason if a needed requirement was checked and did not pass; else an empty text.

        The nearest one that fails explains most.
        """
        needs = self.needs(id)
        nearest = [need for need in reversed(needs) if need in self.direct.get(id, ())]
        for outcome, words in NOT_PASSED.items():
            for need in (*nearest, *needs):
                if self.outcome(need) is outcome:
                    return f"needs {need}, {words}"
        return ""

    def _first_that_raised(self, id: str, raised: str) -> str:
        """Return a requirement in the report that the same program has failed because of this exception; else ""."""
        program = self._lab.program_of(id)
        for each, found in self.findings.items():
            is_another = each != id and each in self._selected and self._lab.program_of(each) == program
            if is_another and any(finding.raised == raised for finding in found):
                return each
        return ""

    def _hung(self, id: str) -> bool:
        found = self.findings.get(id, [])
        return any(finding.hung and finding.outcome is Outcome.FAILED for finding in found)


def _what_it_did(told: Complaint, ended: str) -> str:
    """Return in words that a program raised an exception and ended, if it did."""
    facts = [fact for fact in (f"{told.verb} {told}" if told else "", ended) if fact]
    return f"your program {'; it '.join(facts)}" if facts else ""


def worst(findings: Iterable[Finding]) -> Finding:
    """Return the finding that decides: one failed check fails a requirement; one that was not run leaves it open."""
    return max(findings, key=lambda finding: ORDER.index(finding.outcome))
