"""Standard output and standard error: who reads them does not decide a result."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, OUTSIDE, need

if TYPE_CHECKING:
    from collections.abc import Callable

    Shell = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a Unix shell")
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
SOLUTION = CHECKOUT / "solutions" / "lab1"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Run a shell command in an empty folder, where `$LC` is labcheck; its status follows on standard error."""
    (tmp_path / "lc").write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m labcheck "$@"\n')
    (tmp_path / "lc").chmod(0o755)
    here = tmp_path / "here"
    here.mkdir()
    environment = {**OUTSIDE, "LC": str(tmp_path / "lc"), "XDG_STATE_HOME": str(tmp_path / "state")}

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [need("sh"), "-c", command],
            cwd=here,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_closed_stream(shell: Shell, tmp_path: Path, closed: str) -> None:
    """A stream that is closed from the start changes neither the status nor the report in a file."""
    done = shell(f'"$LC" lab1 "{SOLUTION}" --json out.json {closed}')
    assert (done.returncode, done.stderr) == (0, "")
    assert '"score": 29' in (tmp_path / "here" / "out.json").read_text()


@pytest.mark.parametrize("reader", ["head -3", "sleep 0"])
def test_reader_that_leaves(
    shell: Shell,
    submission: Callable[..., Path],
    tmp_path: Path,
    reader: str,
) -> None:
    """A reader that leaves before the end changes neither the status nor the report in a file."""
    folder = submission("raise SystemExit('x' * 20_000)")
    done = shell(f'{{ "$LC" lab1 "{folder}" --json out.json; echo "status $?" >&2; }} | {reader}')
    assert done.stderr == "status 1\n"
    assert '"score": 0' in (tmp_path / "here" / "out.json").read_text()


@needs_full
@pytest.mark.parametrize("words", ["--help", f'lab1 "{SOLUTION}" --only 1.1', f'lab1 "{SOLUTION}" --only 1.1 --json -'])
def test_no_space_for_the_output(shell: Shell, words: str) -> None:
    """If there is no space for the output, the command has failed, and reports it in one line."""
    done = shell(f'"$LC" {words} > /dev/full')
    assert done.returncode == 2
    assert done.stderr == "labcheck: cannot write to standard output: No space left on device\n"


@needs_full
def test_no_space_for_one_report(shell: Shell, tmp_path: Path) -> None:
    """A report that cannot be written is named, with exit status 2; all other reports are written."""
    done = shell(f'"$LC" lab1 "{SOLUTION}" --only 1.1 --json /dev/full --html page.html')
    assert done.returncode == 2
    assert "cannot write /dev/full: No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "1 of 1 requirements pass" in done.stdout
    assert (tmp_path / "here" / "page.html").exists()
