"""The lanes of the tests, and what CI does with a failed test: tried on small tests."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

import lanes
from conftest import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Pytest = Callable[..., subprocess.CompletedProcess[str]]

TWICE = CHECKOUT / ".ci" / "twice.py"
PROJECT = {
    "conftest.py": 'pytest_plugins = ["lanes"]\n',
    "skips.toml": '"test_it.py::test_may_be_skipped" = "no reason"\n',
    "test_it.py": """
import pytest

@pytest.mark.sample(3)
@pytest.mark.parametrize("case", range(10))
def test_sampled(case): pass

@pytest.mark.everything
def test_slow(): pass

@pytest.mark.alone
@pytest.mark.parametrize("case", range(2))
def test_that_disturbs(case): pass

def test_quick(): pass

@pytest.fixture
def browser(): pass

@pytest.fixture
def window(browser): pass

def test_page(window): pass
""",
}
SKIPS = """
import pytest

def test_may_be_skipped(): pytest.skip("here")
def test_may_not_be_skipped(): pytest.skip("there")
"""
FLAKY = """
from pathlib import Path

def once(name):
    tried = Path(name)
    assert tried.exists() or tried.touch()

def test_passes(): pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a folder with tests and a copy of the lanes."""
    shutil.copy(lanes.__file__, tmp_path)
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def run(project: Path) -> Pytest:
    """Run a Python command in that folder, without this project's pytest options."""

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *map(str, words)]
        return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=100, check=False)

    return run


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("options", "number"),
    [
        ([], 5),
        (["--everything"], 13),
        (["--everything", "--part=1/2"], 8),
        (["--everything", "--part=2/2"], 8),
        (["test_it.py"], 5),
        (["test_it.py::test_slow"], 1),
        (["-n2"], 5),
        (["--no-browser"], 4),
        (["--everything", "--no-browser"], 12),
        (["--alone"], 2),
        (["test_it.py::test_that_disturbs"], 2),
    ],
)
def test_lane_is_chosen(run: Pytest, options: list[str], number: int) -> None:
    """The fast lane runs a sample, --everything all tests, --no-browser none with a browser, --alone what disturbs.

    A test that is named with :: runs in each.
    """
    done = run("-m", "pytest", *options)
    assert re.search(rf"\b{number} passed", done.stdout), done.stdout


def test_slow_test_has_its_turn_in_one_of_three_parts(run: Pytest) -> None:
    """Of three parts that follow each other, exactly one runs a test that the fast lane leaves out."""
    found = [run("-m", "pytest", "-v", "--everything", f"--part={part}/9").stdout for part in range(4, 7)]
    assert sum("test_slow PASSED" in each for each in found) == 1
    assert ["test_quick PASSED" in each for each in found] == [True] * 3


@pytest.mark.sample(2)
@pytest.mark.parametrize("cases", [1, 2, 3, 7, 10, 100])
def test_sample_is_spread_evenly(run: Pytest, project: Path, cases: int) -> None:
    """Exactly as many of n cases run as asked for, evenly spread from the first on."""
    (project / "test_it.py").write_text(PROJECT["test_it.py"].replace("range(10)", f"range({cases})"))
    done = run("-m", "pytest", "-v", "-k", "sampled")
    taken = [int(case) for case in re.findall(r"test_sampled\[(\d+)\] PASSED", done.stdout)]
    assert taken[:1] == [0]
    assert len(taken) == min(cases, 3)
    assert all(later - earlier >= cases // 3 for earlier, later in pairwise(taken))


@pytest.mark.everything
def test_unlisted_skip_is_a_failure(run: Pytest, project: Path) -> None:
    """With --no-skips only tests on the list may be skipped; without it all may."""
    (project / "test_it.py").write_text(SKIPS)
    assert "2 skipped" in run("-m", "pytest").stdout
    done = run("-m", "pytest", "--no-skips")
    assert "1 failed, 1 skipped" in done.stdout
    assert "FAILED test_it.py::test_may_not_be_skipped" in done.stdout


def test_every_allowed_skip_has_a_test_and_a_reason() -> None:
    """The list names only tests that exist."""
    for name, reason in lanes.allowed_skips().items():
        file, _, test = name.partition("::")
        assert f"def {test}(" in (CHECKOUT / file).read_text("utf-8"), name
        assert reason


def twice(run: Pytest, project: Path, *tests: str) -> tuple[int, list[str]]:
    """Run tests at most twice; return the exit status and the tests that are noted as flaky."""
    (project / "test_it.py").write_text(FLAKY + "\n".join(tests))
    flaky = project / "flaky.txt"
    done = run(TWICE, flaky, sys.executable, "--everything", "--", sys.executable, "-m", "pytest")
    return done.returncode, flaky.read_text().splitlines() if flaky.exists() else []


def test_what_passes_alone_is_flaky(run: Pytest, project: Path) -> None:
    """A test that fails, and then passes alone, counts as passed and is noted."""
    assert twice(run, project, "def test_first(): once('a')", "def test_second(): once('b')") == (
        0,
        ["test_it.py::test_first", "test_it.py::test_second"],
    )


def test_what_fails_twice_fails(run: Pytest, project: Path) -> None:
    """A test that fails again alone is a failure; the others are still noted."""
    assert twice(run, project, "def test_first(): once('a')", "def test_wrong(): assert False") == (
        1,
        ["test_it.py::test_first"],
    )


def test_passing_tests_run_once(run: Pytest, project: Path) -> None:
    """If nothing fails, nothing is run again and nothing is noted."""
    assert twice(run, project) == (0, [])


@pytest.mark.parametrize("tests", [["import nothing_of_this_name"], [f"def test_{n}(): assert 0" for n in range(30)]])
def test_hopeless_runs_are_not_repeated(run: Pytest, project: Path, tests: list[str]) -> None:
    """Tests that cannot be collected, or many failing tests, are not run again."""
    status, flaky = twice(run, project, *tests)
    assert status != 0
    assert flaky == []


def test_workflow_runs_what_the_readme_says() -> None:
    """The CI jobs for each version of Python run the README's test command."""
    readme = (CHECKOUT / "README.md").read_text("utf-8")
    found = re.search(r"<!-- test -->\n```sh\n(.+)\n```", readme)
    assert found
    assert f"- run: {found[1]}\n" in (CHECKOUT / ".github/workflows/ci.yml").read_text("utf-8")
