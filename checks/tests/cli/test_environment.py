"""A correct program passes in any environment that labcheck is started from."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, OUTSIDE, Result, not_passed
from labcheck.record.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs the locales, signals and protections of Unix")

SOLUTION = CHECKOUT / "solutions" / "lab1"
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
# Become labcheck, as its parent would start it after the given preparation.
STARTED_AFTER = (
    "import os, signal, sys; {}; os.execv(sys.executable, [sys.executable, '-P', '-m', 'labcheck', *sys.argv[1:]])"
)
SIGNALS = {
    "blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})",
    "ignored": "signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "exit statuses are lost": "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
}


def test_locale_without_utf_8(labcheck: Callable[..., Result]) -> None:
    """The checks use files with names that the locale does not know."""
    result = labcheck("lab1", SOLUTION, "--only", "3.1", "--json", "-", **ASCII)
    assert result.status == 0, result.err
    assert not_passed(result.record) == {}


def test_archive_in_a_locale_without_utf_8(labcheck: Callable[..., Result], tmp_path: Path) -> None:
    """So does a submission."""
    with zipfile.ZipFile(tmp_path / "work.zip", "w") as archive:
        archive.write(SOLUTION / "webserver.py", "José/webserver.py")
        archive.writestr("José/日本.txt", "text")
    result = labcheck("lab1", tmp_path / "work.zip", "--only", "1", **ASCII)
    assert result.status == 0, result.out + result.err


def test_optimized_python_keeps_the_titles(labcheck: Callable[..., Result]) -> None:
    """PYTHONOPTIMIZE=2 removes docstrings, but the titles of requirements are docstrings."""
    assert "The page shows the day of the year" in labcheck("hint", "lab1", "2.3", PYTHONOPTIMIZE="2").out


@pytest.mark.sample(2)
@pytest.mark.parametrize("sandbox", ["none", "limits"])
@pytest.mark.parametrize("how", SIGNALS)
def test_signals_that_labcheck_inherits_do_not_matter(how: str, sandbox: str, tmp_path: Path, open_python: str) -> None:
    """Programs get Ctrl+C and have an exit status, no matter what labcheck's parent did to these signals."""
    only = ("--only", "2.5", "--only", "1.10")
    lab = ("lab2", str(CHECKOUT / "solutions" / "lab2"))
    command = [sys.executable, "-c", STARTED_AFTER.format(SIGNALS[how]), *lab, *only]
    command += ["--json", "-", "--sandbox", sandbox, "--python", open_python]
    environment = {**OUTSIDE, "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert not_passed(Record.from_json(done.stdout)) == {}
