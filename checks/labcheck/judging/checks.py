"""The pytest plugin that runs the checks of one submission."""

from __future__ import annotations

import contextlib
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from labcheck.errors import ExchangeError, NotReadyError, Trouble, Unmet
from labcheck.judging.fixtures import RUN
from labcheck.judging.run import Options, Run, running
from labcheck.program.evidence import Evidence
from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

MOST_HUNG = 3  # checks of a program that got no answer, after which no more are run


STACK = pytest.StashKey[ExitStack]()
pytest_plugins = ["labcheck.judging.fixtures"]


@dataclass
class Finding:
    """What one check has found."""

    outcome: Outcome
    seconds: float = 0.0
    reason: str = ""
    expected: str = ""
    received: str = ""
    hung: bool = False  # it ran into its deadline


class Grader:
    """The pytest plugin that runs the checks of one submission and keeps what they find.

    `reports` says whether pytest writes reports of its own as well, as it does under plain pytest.
    """

    def __init__(self, run: Run, selected: Sequence[str], *, reports: bool = False) -> None:
        self.run = run
        self.reports = reports
        self.checks: dict[str, list[pytest.Item]] = {}
        self.findings: dict[str, list[Finding]] = {}
        self.transcripts: dict[str, Any] = {}
        self.faults: list[str] = []
        self._selected = set(selected)
        self._comparison: tuple[str, str] | None = None

    def title(self, id: str) -> str:
        """Return the sentence of a requirement: its first check's docstring."""
        doc = getattr(self.checks[id][0].obj, "__doc__", None) if id in self.checks else None  # type: ignore[attr-defined]
        return " ".join((doc or "").split())

    def needs(self, id: str) -> list[str]:
        """Return the requirements that one needs, directly or through others, and its program's first; in order."""
        found = {self.run.lab.first_of(id)}
        queue = [id]
        while queue:
            for item in self.checks.get(queue.pop(), []):
                fresh = set(_mark(item)["needs"]) - found
                found |= fresh
                queue += fresh
        return [need for need in self.run.lab.requirements if need in found - {id}]

    def pytest_configure(self, config: pytest.Config) -> None:
        """Let the fixtures find the run."""
        config.stash[RUN] = self.run

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the checks into the spec's order; those that end a program come last."""
        order = {id: place for place, id in enumerate(self.run.lab.requirements)}
        for item in items:
            self.checks.setdefault(_mark(item)["id"], []).append(item)
        chosen = self._selected.union(*(self.needs(id) for id in self._selected))
        items[:] = sorted(
            (item for item in items if _mark(item)["id"] in chosen),
            key=lambda item: (
                "own_server" in getattr(item, "fixturenames", ()),
                order.get(_mark(item)["id"], -1),
            ),
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a check, unless it is settled already that it cannot be run."""
        id = _mark(item)["id"]
        self._comparison = None
        self.run.begin(id)
        reason = self._why_not(id)
        if reason:
            pytest.skip(reason)

    def pytest_runtest_teardown(self) -> None:
        """End a check."""
        self.run.end()

    @pytest.hookimpl(wrapper=True)
    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> Generator[None, object, list[object]]:
        """Keep what a comparison that failed has compared, in words; of several, the first."""
        with contextlib.suppress(AssertionError):  # pytest's own explanation, which needs a terminal before pytest 9.2
            yield
        if self._comparison is not None:
            pass
        elif isinstance(left, Evidence):
            self._comparison = left.expected(op, right), left.received()
        elif isinstance(right, Evidence):
            self._comparison = right.expected(op, left), right.received()
        else:
            self._comparison = f"{'' if op == '==' else op + ' '}{right!r}", repr(left)
        return [["the two sides differ"]]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
        """Keep what a check has found, and make good what it has spoiled."""
        error = call.excinfo.value if call.excinfo else None
        if call.when == "call" or (call.when == "setup" and error is not None):
            self._keep(_mark(item)["id"], error, call.duration)
        elif error is not None:
            self._fault(error)
        if self.reports:
            return None
        # pytest's own would tell the whole story of a failure in source lines, which takes long.
        outcome: Literal["passed", "failed"] = "passed" if error is None else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]

    def _keep(self, id: str, error: BaseException | None, seconds: float) -> None:
        finding = self._judge(id, error)
        finding.seconds = seconds
        self.findings.setdefault(id, []).append(finding)
        if finding.outcome is not Outcome.PASSED or id not in self.transcripts:
            self.transcripts[id] = self.run.transcript
        if error is not None and finding.outcome is Outcome.FAILED:
            self.run.after_failure(error)

    def failed(self, id: str) -> bool:
        """Return whether a requirement was checked, and is not met."""
        return any(finding.outcome is not Outcome.PASSED for finding in self.findings.get(id, []))

    def _hung(self, id: str) -> bool:
        return any(finding.hung for finding in self.findings.get(id, []))

    def _why_not(self, id: str) -> str:
        """Return why a check is not run; nothing where it is."""
        if given_up := self.run.given_up.get(self.run.lab.program_of(id).name):
            return given_up
        if self.run.out_of_time():
            return f"the time for the whole submission, {self.run.options.budget:g} s, is used up"
        program = self.run.lab.program_of(id)
        if program.kind != "http server" and self.run.has_spoken(program.name):
            # One message that it does not answer says nothing of the others; several do.
            hung = [each for each in self.findings if self.run.lab.program_of(each) == program and self._hung(each)]
            return f"{', '.join(hung)} got no answer" if len(hung) >= MOST_HUNG else ""
        for need in self.needs(id):
            if self._hung(need):
                return f"needs {need}, which got no answer"
        return ""

    def _judge(self, id: str, error: BaseException | None) -> Finding:
        if error is None:
            return Finding(Outcome.PASSED)
        if isinstance(error, pytest.skip.Exception):
            return Finding(Outcome.NOT_RUN, reason=str(error))
        blamed = next((need for need in self.needs(id) if self.failed(need)), "")
        excuse = f"needs {blamed}, which is not met" if blamed else ""
        if isinstance(error, AssertionError):
            expected, received = self._comparison or ("", "")
            message = str(error).partition("\nassert ")[0]
            reason = "" if message.startswith("assert ") else message
            return Finding(Outcome.FAILED, reason=reason, expected=expected, received=received)
        if isinstance(error, ExchangeError):
            hung = error.trouble in (Trouble.SILENT, Trouble.SLOW)
            if hung and self.run.out_of_time():
                return Finding(Outcome.NOT_RUN, reason=self._why_not(id))
            if excuse:
                return Finding(Outcome.NOT_RUN, reason=excuse, hung=hung)
            program = self.run.lab.program_of(id)
            told = self.run.traceback() if error.trouble is Trouble.CLOSED or program.kind != "http server" else ""
            reason = f"your program raised {told}" if told else ""
            expected = "a message from your program" if program.is_client else "an answer"
            return Finding(Outcome.FAILED, reason=reason, expected=expected, received=str(error), hung=hung)
        if isinstance(error, Unmet | NotReadyError):
            if excuse:
                return Finding(Outcome.NOT_RUN, reason=excuse)
            return Finding(Outcome.FAILED, reason=str(error))
        self._fault(error)
        return Finding(Outcome.ERROR, reason="labcheck's own fault: this requirement could not be judged")

    def _fault(self, error: BaseException) -> None:
        self.faults.append("".join(traceback.format_exception(error)))


def _mark(item: pytest.Item) -> dict[str, Any]:
    mark = item.get_closest_marker("requirement")
    if mark is None:
        raise pytest.UsageError(f"{item.nodeid} has no @requirement")
    return dict(mark.kwargs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what plain pytest needs to know."""
    group = parser.getgroup("labcheck")
    group.addoption("--submission", metavar="DIR", help="the folder with the programs to be judged")
    group.addoption("--seed", type=int, default=0, help="the seed of all random values")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark; under plain pytest, begin a run for the folder that --submission names."""
    config.addinivalue_line("markers", "requirement(id, hints, needs): the requirement that a check proves")
    folder = config.getoption("--submission")
    if folder is None:
        return
    from labcheck.workbook import labs

    parts = {part for arg in config.args for part in Path(arg).resolve().parts}
    lab = next(labs.load_lab(name) for name in labs.lab_names() if name in parts)
    stack = config.stash[STACK] = ExitStack()
    run = stack.enter_context(running(lab, Path(folder), Options(config.getoption("--seed"))))
    config.pluginmanager.register(Grader(run, lab.requirements, reports=True))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the run of plain pytest."""
    if STACK in config.stash:
        config.stash[STACK].close()
