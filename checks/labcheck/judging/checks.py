"""The pytest plugin that runs the checks of one submission."""

from __future__ import annotations

import contextlib
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from labcheck.errors import MachineError, SuiteError, UsageError
from labcheck.judging import fixtures
from labcheck.judging.blame import Blame, Finding, worst
from labcheck.judging.fixtures import RUN
from labcheck.judging.options import Options
from labcheck.judging.run import running
from labcheck.program.evidence import Evidence, Mismatch, differs
from labcheck.program.machine import lack
from labcheck.record.record import Outcome
from labcheck.record.text import shorten
from labcheck.workbook.labs import lab_names, load_lab, shown
from labcheck.workbook.places import places

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from labcheck.judging.run import Run
    from labcheck.record.transcript import Transcript
    from labcheck.workbook.labs import Lab

LARGE_SHARE = 0.25  # of the time left: a check that takes longer than this is run last
PLUGIN = "labcheck.suite"  # as `pytest -p` names it; in a grading, it is not a plugin
STACK = pytest.StashKey[ExitStack]()
MARK = pytest.StashKey[dict[str, Any]]()


class EnoughError(Exception):
    """Ends a call of a hook before pytest's own implementation of it."""


def _end_the_call() -> None:
    raise EnoughError


class NoDiff:
    """The pytest plugin that keeps pytest from comparing two values line by line: for long ones, that may never end."""

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_assertrepr_compare(self) -> Generator[None, object, None]:
        """Come last of all wrappers, and let nothing come after it; `Grader` is the first of them."""
        _end_the_call()
        yield


class Grader:
    """The pytest plugin that runs the checks of one submission and keeps their findings.

    `reports`: pytest also writes its own reports, as under plain pytest.
    """

    def __init__(self, run: Run, selected: Sequence[str], *, reports: bool = False) -> None:
        self.run = run
        self.reports = reports
        self.blame = Blame(run, selected)
        self.titles: dict[str, str] = {}
        self.hints: dict[str, list[str]] = {}
        self.transcripts: dict[str, Transcript] = {}
        self.words: dict[str, list[str]] = {}  # the random words drawn for each requirement
        self._selected = set(selected)
        self.proves_nothing = False  # the check that was run last: it failed, but not because of what it checks
        self._late: list[pytest.Item] = []
        self._begun: list[pytest.Item] = []  # they have begun something before their turn
        self._mismatch: Mismatch | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        """Make the run available to the fixtures."""
        config.stash[RUN] = self.run
        config.pluginmanager.register(NoDiff())

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort the checks: in the order of the requirements, those that end a program last, all after their needs."""
        order = {id: place for place, id in enumerate(self.run.lab.requirements)}
        for item in items:
            mark = _mark(item)
            doc = item.obj.__doc__ or ""  # type: ignore[attr-defined]
            self.titles.setdefault(mark["id"], " ".join(doc.split()))
            hints = self.hints.setdefault(mark["id"], [])
            hints += [hint for hint in mark["hints"] if hint not in hints]  # two checks may share them
            self.blame.direct.setdefault(mark["id"], set()).update(mark["needs"])
        chosen = self._selected.union(*(self.blame.needs(id) for id in self._selected))
        items[:] = _after_their_needs(
            sorted(
                (item for item in items if _mark(item)["id"] in chosen),
                key=lambda item: (
                    "own_server" in getattr(item, "fixturenames", ()),
                    order.get(_mark(item)["id"], -1),
                ),
            )
        )

    def comes_later(self, item: pytest.Item) -> bool:
        """Return whether a check should be run after all others, because it takes long.

        It does with a slow program, or if it waits for what it has begun. Asked again about the same check, this
        returns False.
        """
        mark = _mark(item)
        self.run.spec = self.run.lab.program_of(mark["id"])
        takes_long = item in self._begun or self.run.too_slow_for(mark["exchanges"], LARGE_SHARE)
        if item in self._late or not takes_long:
            return False
        self._late.append(item)
        return True

    def begin_beside(self, waiting: Iterable[pytest.Item]) -> None:
        """Let checks begin what takes long, as soon as the first requirement of their program has passed."""
        for item in waiting:
            id, begins = _mark(item)["id"], _mark(item)["begins"]
            has_passed = self.blame.outcome(self.run.lab.first_of(id)) is Outcome.PASSED
            if begins is not None and has_passed and item not in self._begun:
                self._begun.append(item)
                self.run.begin_beside(id, begins)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a check, or skip it if it is already clear that it cannot be run."""
        id = _mark(item)["id"]
        self._mismatch = None
        self.proves_nothing = False
        self.run.begin(id, _mark(item)["begins"])
        shares = "own_server" not in item.fixturenames  # type: ignore[attr-defined]
        exchanges = _mark(item)["exchanges"]
        if reason := self.blame.why_not(id, shares_its_program=shares, exchanges=exchanges):
            pytest.skip(reason)

    def pytest_runtest_teardown(self) -> None:
        """End a check."""
        self.run.end()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> Generator[None, object, list[object]]:
        """Keep the first comparison of a check that failed, in words."""
        with contextlib.suppress(EnoughError):
            yield
        if self._mismatch is not None:
            pass
        elif isinstance(left, Evidence):
            self._mismatch = left.mismatch(op, right)
        elif isinstance(right, Evidence):
            self._mismatch = right.mismatch(op, left)
        elif op == "==" and isinstance(left, str) and isinstance(right, str):
            self._mismatch = differs(right, left, ("", ""))
        else:
            self._mismatch = Mismatch(f"{'' if op == '==' else op + ' '}{shorten(repr(right))}", shorten(repr(left)))
        if self.reports and self._mismatch is not None:
            return [["the two sides differ", f"expected  {self._mismatch[0]}", f"received  {self._mismatch[1]}"]]
        return [["the two sides differ"]]

    def leave_open(self, item: pytest.Item) -> None:
        """Record that a check could not be run, because the machine stood still in every try."""
        reason = "could not be checked: the machine, or labcheck, stood still again and again"
        self.blame.faults.append(reason)
        self._record(_mark(item)["id"], Finding(Outcome.ERROR, reason=reason))

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self) -> Generator[None, object, object]:
        """Let the run end a check that is late."""
        with self.run.alarm:
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
        """Let the run end a fixture of a suite that is late; one of labcheck's own ends by itself."""
        with contextlib.nullcontext() if fixturedef.func.__module__ == fixtures.__name__ else self.run.alarm:
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
        """Keep the finding of a check, and clean up after a failure."""
        error = call.excinfo.value if call.excinfo else None
        if call.when == "call" or (call.when == "setup" and error is not None):
            self._keep(item, error, call.duration)
        elif error is not None:
            self.blame.fault(error)
        if self.reports:
            return None
        # pytest's own report would show the source lines of a failure, which takes long.
        outcome: Literal["passed", "failed"] = "passed" if error is None else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]

    def _keep(self, item: pytest.Item, error: BaseException | None, seconds: float) -> None:
        id = _mark(item)["id"]
        error = self.run.overdue or error  # an exception that it has caused says nothing about the program
        if error is not None and (lacking := lack(error)):
            raise lacking from error  # this ends the grading: the student cannot help it
        if isinstance(error, pytest.skip.Exception):
            finding = Finding(Outcome.NOT_RUN, reason=str(error))
        elif error is not None and (self.run.stood_still() or self.run.had_ended(error)):
            self.proves_nothing = True
            return
        else:
            place = "" if error is None else place_of(item)
            finding = self.blame.judge(id, error, self._mismatch, place, _mark(item)["explained_by"])
        finding.seconds = seconds
        if finding.outcome is Outcome.FAILED and (parameters := _parameters(item)):
            finding.reason = f"with {parameters}" + (f": {finding.reason}" if finding.reason else "")
        self._record(id, finding)
        # A check that is not run because of what an exchange has shown may have damaged a program, too.
        skipped = isinstance(error, pytest.skip.Exception)
        if error is not None and not skipped and finding.outcome in (Outcome.FAILED, Outcome.NOT_RUN):
            self.run.after_failure(error)
        if error is None:
            self.run.after_success()
        if self.run.overdue is not None:
            self.run.after_overdue()

    def _record(self, id: str, finding: Finding) -> None:
        self.blame.findings.setdefault(id, []).append(finding)
        self.words.setdefault(id, []).extend((*self.run.check.draw.words, *self.run.check.greetings.words))
        if worst(self.blame.findings[id]) is finding:
            self.transcripts[id] = self.run.check.transcript


def _after_their_needs(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the checks in this order, except that each comes after all checks of the requirements that it needs."""
    found: list[pytest.Item] = []
    waiting = [(item, _mark(item)) for item in items]
    while waiting:
        ids = {mark["id"] for _, mark in waiting}
        # If the needs form a circle, none of its checks can come after all the others.
        ready = next((each for each in waiting if ids.isdisjoint(each[1]["needs"])), waiting[0])
        waiting.remove(ready)
        found.append(ready[0])
    return found


def expect_requirements(items: Sequence[pytest.Item]) -> None:
    """Raise SuiteError if a test function has no @requirement."""
    mistakes = [
        f"{place_of(item)}: {item.name} has no @requirement; the name of a helper must not begin with test_"
        for item in items
        if item.get_closest_marker("requirement") is None
    ]
    if mistakes:
        raise SuiteError(*mistakes)


def place_of(item: pytest.Item) -> str:
    """Return where a check begins, in a message: `checks/labcheck/suites/lab1/test_2_pages.py:7`."""
    return f"{shown(item.path)}:{(item.location[1] or 0) + 1}"


def id_of(item: pytest.Item) -> str:
    """Return the id of the requirement that a check proves."""
    return str(_mark(item)["id"])


def _parameters(item: pytest.Item) -> str:
    """Return the parameters of a check that is run several times, in words; "" for any other."""
    callspec = getattr(item, "callspec", None)
    values = callspec.params.items() if callspec else ()
    return ", ".join(f"{name} = {shorten(repr(value))}" for name, value in values)


def _mark(item: pytest.Item) -> dict[str, Any]:
    if MARK not in item.stash:  # looked up once: a grading asks for the marks of all checks after each of them
        mark = item.get_closest_marker("requirement")
        if mark is None:
            raise pytest.UsageError(f"{item.nodeid} has no @requirement")
        item.stash[MARK] = dict(mark.kwargs)
    return item.stash[MARK]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for plain pytest."""
    group = parser.getgroup("labcheck")
    group.addoption("--submission", metavar="DIR", help="the folder with the programs to check")
    group.addoption("--seed", type=int, default=0, help="the seed of all random values")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark; under plain pytest, begin a run for the folder given with --submission."""
    config.addinivalue_line("markers", "requirement(id, hints, needs): the requirement that a check proves")
    config.pluginmanager.register(fixtures)
    if config.pluginmanager.has_plugin(PLUGIN) and not (config.option.help or config.option.collectonly):
        try:
            _begin(config, config.getoption("--submission"))
        except (UsageError, SuiteError, MachineError) as error:
            raise pytest.UsageError(str(error)) from error


def _begin(config: pytest.Config, submission: str | None) -> None:
    """Begin a run under plain pytest. Raises UsageError."""
    if submission is None:
        raise UsageError("--submission DIR is missing; it is the folder with the programs to check")
    folder, lab = Path(submission), _lab_of(config.args)
    if not folder.is_dir():
        raise UsageError(f"--submission {submission}: there is no such folder")
    if not any((folder / program.file).is_file() for program in lab.programs):
        files = ", ".join(program.file for program in lab.programs)
        raise UsageError(f"--submission {submission}: the folder has no program of {lab.name} ({files})")
    stack = config.stash[STACK] = ExitStack()
    run = stack.enter_context(running(lab, folder, Options(config.getoption("--seed"), budget=lab.budget)))
    config.pluginmanager.register(Grader(run, lab.requirements, reports=True))


def _lab_of(arguments: Sequence[str]) -> Lab:
    """Return the lab whose suite pytest is to run, or a copy of it in a folder with its name. Raises UsageError."""
    paths = [Path(argument.partition("::")[0]).resolve() for argument in arguments]
    suites = {place.suites.resolve() for place in places()}
    names = {path.relative_to(each).parts[:1] for path in paths for each in suites if path.is_relative_to(each)}
    names = names or {(part,) for path in paths for part in path.parts if part in lab_names()}
    if len(names) != 1 or () in names:
        example = shown(load_lab(lab_names()[0]).suite)
        raise UsageError(f"{' '.join(arguments)} is not the suite of a lab; give one such as {example}")
    ((name,),) = names
    return load_lab(name)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the run of plain pytest."""
    if STACK in config.stash:
        config.stash[STACK].close()
