"""What every grading needs of this machine: if it is missing, no program is blamed."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, OUTSIDE
from labcheck.program.machine import OPEN_FILES, lack

if TYPE_CHECKING:
    from pathlib import Path

LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
os.execv(sys.executable, [sys.executable, "-P", "-m", "labcheck", *sys.argv[3:]])
"""
needs_limits = pytest.mark.skipif(sys.platform == "win32", reason="Windows does not limit open files")


def limited(soft: int, hard: int, *words: object) -> subprocess.CompletedProcess[str]:
    """Run labcheck with these limits on open files."""
    command = [sys.executable, "-c", LIMITED, str(soft), str(hard), *map(str, words)]
    return subprocess.run(command, env=OUTSIDE, capture_output=True, text=True, timeout=150, check=False)


@pytest.mark.everything
@needs_limits
@pytest.mark.parametrize(("soft", "hard"), [(256, 256), (64, OPEN_FILES)])
def test_usual_limit_is_enough(soft: int, hard: int) -> None:
    """Fifty clients need less than 256 open files, the limit of macOS; a lower one is raised if that is allowed."""
    done = limited(soft, hard, "lab2", CHECKOUT / "solutions" / "lab2")
    assert (done.returncode, done.stderr) == (0, "")


@needs_limits
def test_programs_that_fail_do_not_add_up() -> None:
    """The files of programs that have ended are closed: a lab in which nearly every check fails needs no more."""
    done = limited(100, 100, "lab2", CHECKOUT / "labs" / "lab2", "--only", "2", "--only", "4")
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.sample(1)
@needs_limits
@pytest.mark.parametrize("limit", [60, 100])
@pytest.mark.parametrize("protection", ["none", "limits"])
def test_too_few_open_files(tmp_path: Path, limit: int, protection: str, open_python: str) -> None:
    """Too few open files end the grading with exit status 3, without a result, and the limit is named."""
    report = tmp_path / "r.json"
    words = (
        "lab2",
        CHECKOUT / "solutions" / "lab2",
        "--json",
        report,
        "--sandbox",
        protection,
        "--python",
        open_python,
    )
    done = limited(limit, limit, *words, "--python", open_python)
    assert done.returncode == 3
    assert f"its limit is {limit} (`ulimit -n`)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert not report.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has network namespaces")
@pytest.mark.parametrize("protection", ["none", "limits"])
def test_loopback_interface_is_down(protection: str, open_python: str) -> None:
    """Without a loopback interface, nothing is checked: exit status 3."""
    unshare = [shutil.which("unshare") or "unshare", *([] if os.getuid() == 0 else ["--user"]), "--net"]
    try:
        subprocess.run([*unshare, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine does not allow a network namespace")
    words = ["lab1", CHECKOUT / "solutions" / "lab1", "--sandbox", protection, "--python", open_python]
    command = [*unshare, sys.executable, "-P", "-m", "labcheck", *map(str, words)]
    done = subprocess.run(command, env=OUTSIDE, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert "this machine's loopback interface is down" in done.stderr
    assert done.stderr.count("\n") == 1


def test_other_errors_are_not_the_machines() -> None:
    """Only errors that no program can cause are taken for the machine's."""
    assert lack(ConnectionRefusedError(errno.ECONNREFUSED, "refused")) is None
    assert lack(ValueError()) is None
    assert "no space left" in str(lack(OSError(errno.ENOSPC, "No space left", "/tmp/x")))
