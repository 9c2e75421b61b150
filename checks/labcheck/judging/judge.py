"""From a folder to a record: the path that every grading takes."""

from __future__ import annotations

import os
import platform
import time
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labcheck.errors import Fault, SuiteError
from labcheck.judging.blame import worst
from labcheck.judging.run import Run, running
from labcheck.protocols import kinds
from labcheck.record.record import Outcome, Place, ProgramResult, Record, RequirementResult, StepTitle
from labcheck.version import __version__
from labcheck.workbook.labs import shown
from labcheck.workbook.places import PACKAGE
from labcheck.workbook.withheld import last_hint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pytest

    from labcheck.judging.checks import Grader
    from labcheck.judging.options import Options
    from labcheck.program.program import Program
    from labcheck.protocols.started import Started
    from labcheck.sandbox.base import Sandbox
    from labcheck.workbook.labs import Lab

Listener = Callable[[str, Outcome | None], object]
SUITES = PACKAGE / "suites"
# Parts of pytest that a grading does not need: some write to folders or to the terminal, the others only cost time.
NOT_NEEDED = (
    *("cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "legacypath"),
    *("logging", "monkeypatch", "pastebin", "recwarn", "setuponly", "setupplan", "skipping", "stepwise"),
    *("subtests", "terminal", "threadexception", "tmpdir", "unittest", "unraisableexception", "warnings"),
)
NO_PLUGINS = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
PYTEST_VARIABLES = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", NO_PLUGINS)
MOST_TRIES = 5  # to run a check while the machine does not stand still
HIDDEN = "one of the instructor's own checks; its details are not shown"


@dataclass(frozen=True)
class Judgement:
    """The record of one submission, and the tracebacks of the errors behind its outcomes `error`.

    `mistakes`: those of the suite's author among them, each in one line.
    `note`: what was chosen from a packed submission, if not all of it was clear.
    """

    record: Record
    faults: list[str]
    note: str = ""
    mistakes: tuple[str, ...] = ()


def judge(
    lab: Lab,
    folder: Path,
    options: Options,
    sandbox: Sandbox | None = None,
    session: pytest.Session | None = None,
    listener: Listener | None = None,
) -> Judgement:
    """Check the programs in a folder against a lab.

    `sandbox` starts them; by default there is no protection. `session` is a pytest session in which the lab's checks
    are already collected (see `with_checks`) and none was run. `listener` is called with the id of a requirement and
    None when a check of it begins, and with its outcome when that has ended.

    All processes that are started below this one during the call are taken for the submission's, and ended: call it in
    a process that does nothing else at the time. Raises UsageError if the folder cannot be copied, MachineError if this
    machine lacks something that every grading needs, and SuiteError if the suite is broken or incomplete.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    selected = options.selected(lab)
    with running(lab, folder, options, sandbox) as run:
        grader = run_suite(run, selected, session, listener)
    grader.blame.report_once(selected)
    programs = [_program(each, hidden=bool(lab.hidden)) for each in _worth_showing(run.fleet.history)]
    record = Record(
        lab=lab.name,
        title=lab.title,
        labcheck=__version__,
        seed=run.seed,
        sandbox="none" if sandbox is None else sandbox.name,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        submission=str(folder),
        started=started.isoformat(timespec="seconds").replace("+00:00", "Z"),
        seconds=round(time.perf_counter() - clock, 3),
        steps=[
            StepTitle(
                step.number,
                step.title,
                step.program,
                lab.sheet(step) if options.whole else "",
                lab.program_of(step.requirements[0]).is_client,
            )
            for step in lab.steps
        ],
        selected=list(selected),
        programs=programs,
        originals={each.file: each.submitted_as for each in lab.programs if each.submitted_as},
        requirements=[_result(id, grader, selected, hidden=id in lab.hidden) for id in lab.requirements],
    )
    return Judgement(record, grader.blame.faults, mistakes=tuple(grader.blame.mistakes))


def run_suite(
    run: Run, selected: Sequence[str], session: pytest.Session | None = None, listener: Listener | None = None
) -> Grader:
    """Run a lab's checks, and return the plugin with their findings; see `judge`."""
    if session is None:
        graders: list[Grader] = []
        run.fleet.start_more()
        with_checks(run.lab, lambda session: graders.append(run_suite(run, selected, session, listener)))
        return graders[0]
    from labcheck.judging.checks import Grader, expect_requirements, id_of

    run.fleet.start_more()
    grader = Grader(run, selected)
    session.config.pluginmanager.register(grader)
    items = list(session.items)
    expect_requirements(items)
    grader.pytest_collection_modifyitems(items)
    if missing := [id for id in run.lab.requirements if id not in grader.titles]:
        raise SuiteError(f"{shown(run.lab.suite)}: there is no check of {', '.join(missing)}, which lab.toml lists")
    waiting = deque(items)
    while waiting:
        item = waiting.popleft()
        if grader.comes_later(item):
            waiting.append(item)
        else:
            id = id_of(item)
            if listener is not None:
                listener(id, None)
            _run_check(grader, item, waiting[0] if waiting else None)
            grader.begin_beside(waiting)
            if listener is not None:
                listener(id, grader.blame.outcome(id))
    return grader


def _run_check(grader: Grader, item: pytest.Item, after: pytest.Item | None) -> None:
    """Run a check; run it again if the machine stood still while it ran, or if the program had ended before."""
    for _ in range(MOST_TRIES):
        item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
        if not grader.proves_nothing:
            return
    grader.leave_open(item)


def with_checks(lab: Lab, work: Callable[[pytest.Session], None]) -> None:
    """Collect a lab's checks under pytest in this process, ignoring any configuration of pytest; then do some work.

    Raises SuiteError if the checks cannot be collected, and every exception that the work raises.
    """
    import pytest

    from labcheck.judging import checks
    from labcheck.judging.catalogue import make_importable

    make_importable(lab)
    arguments = ["-c", str(SUITES / "pytest.ini"), "--rootdir", str(SUITES), str(lab.suite)]
    arguments += [str(lab.more)] if lab.more else []
    arguments += ["--noconftest", "--import-mode=importlib"]
    arguments += [word for name in NOT_NEEDED for word in ("-p", f"no:{name}")]
    between = Between(work, lab)
    with _without_plugins():
        status = pytest.main(arguments, plugins=[checks, between])
    if between.error is not None:
        raise between.error
    if between.mistakes:
        raise SuiteError(*between.mistakes)
    if not between.is_done:
        raise Fault("\n".join(between.faults) or f"pytest ended with {status!r}")


@contextmanager
def _without_plugins() -> Iterator[None]:
    """Keep pytest from options and plugins that the environment names, for the duration of the block."""
    before = {name: os.environ.pop(name) for name in PYTEST_VARIABLES if name in os.environ}
    os.environ[NO_PLUGINS] = "1"
    try:
        yield
    finally:
        del os.environ[NO_PLUGINS]
        os.environ.update(before)


class Between:
    """The pytest plugin that does some work at the point where pytest would run the collected tests."""

    def __init__(self, work: Callable[[pytest.Session], None], lab: Lab) -> None:
        self.faults: list[str] = []
        self.mistakes: list[str] = []
        self._lab = lab
        self.error: BaseException | None = None
        self.is_done = False
        self._work = work

    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Do the work, and keep its exception away from pytest."""
        if session.testsfailed:
            return None  # an error in a suite; pytest reports it
        self.is_done = True
        try:
            self._work(session)
        except BaseException as error:
            self.error = error
        return True

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep an interrupt during the collection, which pytest would not pass on."""
        import pytest

        if not isinstance(excinfo.value, pytest.Session.Interrupted):  # raised after an error in a suite
            self.error = excinfo.value

    def pytest_internalerror(self, excrepr: object) -> None:
        """Keep an internal error of pytest."""
        self.faults.append(str(excrepr))

    def pytest_exception_interact(self, node: pytest.Item | pytest.Collector, call: pytest.CallInfo[object]) -> None:
        """Keep an error that a suite raised when it was imported."""
        if not self.is_done and call.excinfo is not None:
            from labcheck.judging.mistakes import told

            error = call.excinfo.value
            self.mistakes.append(told(error.__cause__ or error, self._lab, shown(node.path)))


def _worth_showing(history: Sequence[Started]) -> Iterator[Program]:
    """Yield the programs of a grading; of those that were run again and again, one with each verdict."""
    seen = set()
    for started in history:
        program = started.program
        known = (program.spec.name, program.verdict)
        if known not in seen or not kinds.find(program.spec.kind).ends_by_itself:
            yield program
        seen.add(known)


def _program(program: Program, *, hidden: bool) -> ProgramResult:
    """Return the result of a program; without its output if that could reveal a hidden check."""
    verdict = str(program.verdict or "not used")
    out, err = (
        ("", "") if hidden else (program.diagnosis.shown(stream.text()) for stream in (program.stdout, program.stderr))
    )
    return ProgramResult(program.spec.name, verdict, out, err)


def _result(id: str, grader: Grader, selected: Sequence[str], *, hidden: bool) -> RequirementResult:
    findings = grader.blame.findings.get(id, [])
    result = RequirementResult(id, grader.titles.get(id, ""), points=grader.run.lab.points_of(id), hidden=hidden)
    if id not in selected or not findings:
        result.reason = "was not selected (--only)" if id not in selected else "was not run"
        return result
    decisive = worst(findings)
    result.outcome = decisive.outcome
    result.earned = result.points if decisive.outcome is Outcome.PASSED else 0
    result.seconds = round(sum(finding.seconds for finding in findings), 4)
    if hidden:
        result.reason = "" if decisive.outcome is Outcome.PASSED else HIDDEN
        return result
    result.reason, result.expected, result.received = decisive.reason, decisive.expected, decisive.received
    result.difference = decisive.difference
    result.place = decisive.place and Place(*decisive.place)
    result.excerpt = decisive.excerpt
    told = "\0".join((decisive.reason, decisive.expected, decisive.received)).lower()
    if told.strip("\0"):
        words = {*grader.words[id], *grader.run.fleet.words}
        result.drawn = sorted(word for word in words if word in told)
    transcript = grader.transcripts[id]
    result.by_hand = transcript.by_hand
    if grader.run.options.whole and decisive.outcome is Outcome.FAILED:
        result.hints = [*grader.hints[id], *last_hint()]
    if grader.run.options.whole or decisive.outcome is not Outcome.PASSED:
        result.transcript = [event.to_json() for event in transcript.events]
    return result
