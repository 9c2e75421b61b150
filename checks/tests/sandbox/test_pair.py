"""labcheck is two processes: whichever of them is killed, no program of a student lives on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from conftest import OUTSIDE, TESTS, alive, need, open_to_all, processes_in, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Start = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs Unix signals")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
PROTECTIONS = [
    "none",
    "limits",
    pytest.param("landlock", marks=on_linux),
    pytest.param("namespaces", marks=on_linux),
]
HOSTILE = TESTS / "lab1" / "hostile"
NEVER_ANSWERS = HOSTILE / "accepts_never_answers.py"


def hear_all_signals() -> None:
    """Undo what the parent of the tests ignores: nohup ignores SIGHUP, and a shell's `&` SIGQUIT."""
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start(submission: Callable[..., Path], tmp_path: Path, open_python: str) -> Iterator[Start]:
    """Start labcheck with its temporary files in tmp_path; it is ended after the test."""
    (tmp_path / "tmp").mkdir()
    open_to_all(tmp_path)
    started = []

    def run(source: Path, protection: str = "none", *, own_session: bool = False) -> subprocess.Popen[str]:
        if protection == "namespaces":
            need("bwrap")
        command = [sys.executable, "-m", "labcheck", "lab1", str(submission(source)), "--sandbox", protection]
        command += ["--python", open_python]
        process = subprocess.Popen(
            command,
            env={**OUTSIDE, "TMPDIR": str(tmp_path / "tmp")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=own_session,
            preexec_fn=hear_all_signals,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.terminate()
        process.communicate(timeout=30)


def programs_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return labcheck's processes and the student's, once a program runs."""
    found: list[psutil.Process] = []

    def runs() -> bool:
        found[:] = psutil.Process(process.pid).children(recursive=True)
        commands = []
        for each in found:
            try:
                commands.append(each.cmdline())
            except psutil.Error:  # it has ended
                return False
        return any("webserver.py" in words and "-c" not in words for words in commands)

    until(lambda: process.poll() is not None or runs())
    return found


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_programs_are_gone_after_sigkill(start: Start, tmp_path: Path, protection: str) -> None:
    """After kill -9, the programs are gone within a second or so, and the private copies too."""
    process = start(NEVER_ANSWERS, protection)
    before = programs_of(process)
    assert before, process.communicate()
    process.kill()
    until(lambda: not any(alive(each.pid) for each in before), seconds=10)
    until(lambda: not list((tmp_path / "tmp").iterdir()), seconds=10)


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGHUP])
def test_programs_are_gone_after_other_signals(start: Start, number: signal.Signals) -> None:
    """Ctrl+backslash and the end of the terminal end labcheck as SIGTERM does."""
    process = start(NEVER_ANSWERS)
    before = programs_of(process)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (128 + number, "")
    assert not any(alive(each.pid) for each in before)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_process_group_can_be_killed(start: Start, number: signal.Signals) -> None:
    """A CI system may send its signal to the whole process group of a job."""
    process = start(NEVER_ANSWERS, own_session=True)
    before = programs_of(process)
    os.killpg(process.pid, number)
    until(lambda: not any(alive(each.pid) for each in before), seconds=10)


@on_linux
@pytest.mark.parametrize("victim", ["parent", "child"])
def test_daemon_is_gone_too(start: Start, tmp_path: Path, victim: str) -> None:
    """A daemon that has left the tree of its program is gone, whichever process of labcheck is killed."""
    process = start(HOSTILE / "daemon_left_behind.py")
    programs_of(process)
    until(lambda: has_adopted(process.pid, tmp_path))
    if victim == "parent":
        process.kill()
    else:
        psutil.Process(process.pid).children()[0].kill()
    until(lambda: not processes_in(tmp_path), seconds=10)
    if victim == "child":
        _, said = process.communicate(timeout=30)
        assert process.returncode == 128 + signal.SIGKILL
        assert "ended from outside, by signal 9" in said


def has_adopted(pid: int, folder: Path) -> bool:
    """Return whether the child of a labcheck is the parent of a daemon in the folder."""
    child = psutil.Process(pid).children()[0].pid
    for each in daemons(folder):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended
            if each.ppid() == child:
                return True
    return False


def daemons(folder: Path) -> list[psutil.Process]:
    """Return the processes in a folder that lead no session, and whose session has lost its leader."""
    found = []
    for each in processes_in(folder):
        with contextlib.suppress(ProcessLookupError):  # it has ended
            if os.getsid(each.pid) not in psutil.pids():
                found.append(each)
    return found
