"""Plain pytest with a suite: `pytest -p labcheck.suite --submission DIR suites/mini`."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from authoring.mini import DONE, SUITE

if TYPE_CHECKING:
    from authoring.author import Author


def run(author: Author, *words: str) -> tuple[int, str]:
    """Run pytest in the course's folder; return its exit status, and what it prints."""
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "labcheck.suite", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, *words], cwd=author.root, capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, done.stdout + done.stderr


def test_suite_runs_under_pytest(author: Author) -> None:
    """The solution passes."""
    status, said = run(author, "--submission", "solutions/mini", SUITE)
    assert status == 0, said
    assert "4 passed" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([SUITE], "ERROR: --submission DIR is missing; it is the folder with the programs to check"),
        (["--submission", "nowhere", SUITE], "ERROR: --submission nowhere: there is no such folder"),
        (
            ["--submission", "suites", SUITE],
            "ERROR: --submission suites: the folder has no program of mini (greeter.py)",
        ),
        (["--submission", "solutions/mini", "labs"], "/labs is not the suite of a lab; give one such as "),
        (["--submission", "solutions/mini", "suites"], "/suites is not the suite of a lab; give one such as "),
    ],
)
def test_wrong_use_is_one_line(author: Author, words: list[str], said: str) -> None:
    """What is missing or wrong on the command line is reported in one line."""
    words = [str(author.root / word) if word in ("labs", "suites") and words[-1] == word else word for word in words]
    status, found = run(author, *words)
    assert status == pytest.ExitCode.USAGE_ERROR, found
    assert said in found
    assert len(found.strip().splitlines()) == 1


def test_failed_comparison_shows_both_sides(author: Author) -> None:
    """pytest prints what was expected and received, in the words of a report."""
    author.change(DONE, ('"Hello, "', '"Hallo, "'))
    status, said = run(author, "--submission", "solutions/mini", SUITE)
    assert status == 1
    assert "expected  a page that shows Hello, " in said
    assert "received  200 OK, text/plain; charset=utf-8: Hallo, " in said
