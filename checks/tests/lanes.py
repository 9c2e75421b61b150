"""Two lanes: `pytest` runs a sample that proves the product in minutes, `pytest --everything` runs all tests.

- `@pytest.mark.sample(n)`: the fast lane runs n of the test's cases, evenly spread.
- `@pytest.mark.everything`: the fast lane leaves the test out.
- `--part K/N`, with `--everything`: of the tests with a sample, run this part of the cases, and of the tests that the
  fast lane leaves out a third, so that CI takes turns.
- `@pytest.mark.alone`: both lanes leave the test out, because it disturbs others; `pytest --alone -n 0` runs these.

A test that is named on the command line with `::` always runs. `--no-skips` fails a skipped test unless skips.toml
names it with a reason. `--no-browser` leaves out what runs in a browser, where it does not depend on the Python or the
versions of a lane. `--hurry` shortens the deadlines in the tests of hostile programs, most of which use all of
their time.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
import zlib
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

ALLOWED_SKIPS = Path(__file__).with_name("skips.toml")
FOLDER = pytest.StashKey[str]()  # for temporary files
TURNS = 3  # until each slow test was run, if only parts are


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose a lane."""
    group = parser.getgroup("labcheck's own tests")
    group.addoption("--everything", action="store_true", help="run all tests, not a sample")
    group.addoption("--part", default="1/1", help="run part K of N of the cases that are sampled (default: 1/1)")
    group.addoption("--no-skips", action="store_true", help="fail a skipped test that skips.toml does not name")
    group.addoption("--no-browser", action="store_true", help="leave out the tests that open a browser")
    group.addoption("--alone", action="store_true", help="run only the tests that disturb others; add -n 0")
    group.addoption("--hurry", type=float, default=0.6, help="the factor of hostile programs' deadlines (default: 0.6)")
    group.addoption("--record-golden", action="store_true", help="write checks/tests/golden/ again")


@pytest.hookimpl(tryfirst=True)  # before pytest reads the option
def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, and choose the folder for temporary files."""
    if config.option.basetemp is None:
        # Some tests run programs as other users. They cannot enter the usual folder: every pytest closes it, also one
        # that a test starts.
        config.option.basetemp = config.stash[FOLDER] = tempfile.mkdtemp(prefix="tests-of-labcheck-")
    config.addinivalue_line("markers", "sample(n): the fast lane runs n of the cases")
    config.addinivalue_line("markers", "everything: only --everything runs the test")
    config.addinivalue_line("markers", "alone: the test disturbs others, so only --alone runs it")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remove the folder for temporary files, unless somebody may want to look into it."""
    if exitstatus == pytest.ExitCode.OK and FOLDER in session.config.stash:
        shutil.rmtree(session.config.stash[FOLDER], ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remove the tests that the lane does not run."""
    chosen = {id(item) for item in items}
    if not any("::" in argument for argument in config.args):
        if config.getoption("--everything"):
            number, of = map(int, config.getoption("--part").split("/"))
            chosen = {id(item) for _, cases in groupby(items, _test_of) for item in _part(list(cases), number, of)}
        else:
            chosen = {id(item) for _, cases in groupby(items, _test_of) for item in _sample(list(cases))}
        is_alone = config.getoption("--alone")
        chosen -= {id(item) for item in items if bool(item.get_closest_marker("alone")) != is_alone}
    if config.getoption("--no-browser"):
        chosen -= {id(item) for item in items if "browser" in getattr(item, "fixturenames", ())}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in chosen])
    items[:] = [item for item in items if id(item) in chosen]


def pytest_xdist_auto_num_workers() -> int:
    """Return the number of test processes: one more than there are cores, because many tests wait."""
    return (os.cpu_count() or 1) + 1


def _test_of(item: pytest.Item) -> str:
    """Return the test's node id without the case."""
    return item.nodeid.partition("[")[0]


def _sample(cases: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield the cases of one test that the fast lane runs."""
    cases = [case for case in cases if case.get_closest_marker("everything") is None]
    mark = cases[0].get_closest_marker("sample") if cases else None
    number = mark.args[0] if mark else len(cases)
    return (case for place, case in enumerate(cases) if place * number % len(cases) < number)


def _part(cases: list[pytest.Item], number: int, of: int) -> Iterator[pytest.Item]:
    """Yield one part of the cases of a test that is sampled, all cases of any other; of slow tests, a third."""
    if cases[0].get_closest_marker("sample") is not None:
        return (case for place, case in enumerate(cases) if place % of == number - 1)
    turn = zlib.crc32(_test_of(cases[0]).encode()) if cases[0].get_closest_marker("everything") else number
    return iter(cases if of < TURNS or (turn - number) % TURNS == 0 else ())


@pytest.fixture(scope="session")
def hurry(request: pytest.FixtureRequest) -> float:
    """The factor that shortens the deadlines for programs that use all of their time."""
    return float(request.config.getoption("--hurry"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With --no-skips, fail a skipped test that skips.toml does not name."""
    report = yield
    if report.skipped and item.config.getoption("--no-skips") and _test_of(item) not in allowed_skips():
        report.outcome = "failed"
        report.longrepr = f"skipped, which {ALLOWED_SKIPS.name} does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a whole module."""
    report = yield
    if report.outcome == "skipped" and collector.config.getoption("--no-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped as a whole: {report.longrepr}"
    return report


def allowed_skips() -> dict[str, str]:
    """Return the tests that may be skipped in CI, without their cases, and the reasons."""
    return tomllib.loads(ALLOWED_SKIPS.read_text("utf-8"))
