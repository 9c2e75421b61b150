"""From a folder to a record: the one street that every grading takes."""

from __future__ import annotations

import os
import platform
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck import __version__
from labcheck.record import Outcome, ProgramResult, Record, RequirementResult, StepTitle
from labcheck.run import Options, Run
from labcheck.submission import PrivateCopies

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labcheck.suite import Finding, Grader
    from labcheck.workbook import Lab

SUITES = Path(__file__).with_name("suites")
# Parts of pytest that a grading does without: some would write into folders or onto the terminal,
# the others only take time.
NOT_NEEDED = (
    *("cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "legacypath"),
    *("logging", "monkeypatch", "pastebin", "recwarn", "setuponly", "setupplan", "skipping", "stepwise"),
    *("subtests", "terminal", "threadexception", "tmpdir", "unittest", "unraisableexception", "warnings"),
)


class Fault(Exception):  # noqa: N818
    """Something of ours has gone wrong; the text is for whoever mends it."""


@contextmanager
def running(lab: Lab, folder: Path, options: Options) -> Iterator[Run]:
    """Run what a grading needs, for as long as the block lasts; nothing of it is left behind."""
    with PrivateCopies(lab, folder) as copies:
        run = Run(lab, copies, options)
        try:
            run.prepare()
            yield run
        finally:
            run.close()


def judge(lab: Lab, folder: Path, options: Options, faults: list[str] | None = None) -> Record:
    """Judge the programs in a folder against a lab.

    What went wrong on our side, in checks whose outcome is `error`, is added to `faults`.

    All processes that are started below this one meanwhile are taken for the submission's, and
    ended: call it in a process that does nothing else at the time.
    Raises UsageError for a folder that cannot be copied, and Fault where the suite is broken.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    selected = lab.select(options.only) if options.only else lab.requirements
    with running(lab, folder, options) as run:
        grader = _run_suite(run, selected)
    if faults is not None:
        faults += grader.faults
    programs = [
        ProgramResult(
            program.spec.name,
            str(program.verdict or "not used"),
            program.shown(program.stdout.text()),
            program.shown(program.stderr.text()),
        )
        for program in run.history
    ]
    return Record(
        lab=lab.name,
        title=lab.title,
        labcheck=__version__,
        seed=options.seed,
        sandbox="none",
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        submission=str(folder),
        started=started.isoformat(timespec="seconds").replace("+00:00", "Z"),
        seconds=round(time.perf_counter() - clock, 3),
        steps=[StepTitle(step.number, step.title) for step in lab.steps],
        selected=list(selected),
        programs=programs,
        requirements=[_result(id, grader, selected) for id in lab.requirements],
    )


def _run_suite(run: Run, selected: Sequence[str]) -> Grader:
    """Run a lab's checks under pytest, in this process, as if nobody had configured pytest."""
    import pytest

    from labcheck import suite

    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    run.start_more()
    grader = suite.Grader(run, selected)
    arguments = ["-c", str(SUITES / "pytest.ini"), "--rootdir", str(SUITES), str(run.lab.suite)]
    arguments += ["--noconftest", "--import-mode=importlib"]
    arguments += [word for name in NOT_NEEDED for word in ("-p", f"no:{name}")]
    status = pytest.main(arguments, plugins=[suite, grader])
    if grader.interrupted is not None:
        raise grader.interrupted
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise Fault("\n".join(grader.faults) or f"pytest ended with {status!r}")
    return grader


def _result(id: str, grader: Grader, selected: Sequence[str]) -> RequirementResult:
    findings = grader.findings.get(id, [])
    result = RequirementResult(id, grader.title(id))
    if id not in selected or not findings:
        result.reason = "was not asked for (--only)" if id not in selected else "was not run"
        return result
    worst = max(findings, key=_weight)
    result.outcome = worst.outcome
    result.earned = result.points if worst.outcome in (Outcome.PASSED, Outcome.ERROR) else 0
    result.seconds = round(sum(finding.seconds for finding in findings), 4)
    result.reason, result.expected, result.received = worst.reason, worst.expected, worst.received
    transcript = grader.transcripts[id]
    result.by_hand = transcript.by_hand
    result.transcript = [event.to_json() for event in transcript.events]
    return result


def _weight(finding: Finding) -> int:
    """Order outcomes: one failed check fails a requirement, one that could not be judged leaves it open."""
    return (Outcome.PASSED, Outcome.ERROR, Outcome.NOT_RUN, Outcome.FAILED).index(finding.outcome)
