"""The run of one grading."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from conftest import until
from labcheck.errors import NotReadyError, Verdict
from labcheck.judging.options import Options
from labcheck.judging.run import running
from labcheck.judging.watchdog import Watchdog
from labcheck.program import sockets
from labcheck.program.ports import Port
from labcheck.protocols.started import Role
from labcheck.sandbox import processes
from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.guard import memory_of
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.judging.run import Run

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells that memory has run out")
MIB = 1 << 20
ENDS = "import os; os.kill(os.getpid(), 9)\n"
ENDS_LATER = f"import socket, sys; socket.create_server(('127.0.0.1', int(sys.argv[1]))).accept(); {ENDS}"
TAKES_UNLESS_ASKED = f"""\
import glob, time
kept = b"" if glob.glob("site-*") else b"x" * {50 * MIB}  # the grader's files are in the copy that it asks
time.sleep(60)
"""
HARD_CODED = """\
import os, socket, sys, time
try:
    os.mkdir(MARK)  # only the first can
except FileExistsError:
    listener = socket.create_server(("127.0.0.1", PORT))
    time.sleep(60)
while socket.socket().connect_ex(("127.0.0.1", PORT)) != 0:
    time.sleep(0.01)
listener = socket.create_server(("127.0.0.1", PORT))
"""


class Starved(Sandbox):
    """No protection, in which the kernel has ended a process."""

    def killed(self) -> int:
        """Return that it was one."""
        return 1


@pytest.fixture(autouse=True)
def _orphans_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave other tests' orphans to the system."""
    monkeypatch.setattr(processes, "adopt_orphans", lambda: None)


def why_not(run: Run) -> Verdict:
    """Ask for the server that most checks share, and return why there is none."""
    run.begin("1.1")
    with pytest.raises(NotReadyError) as caught:
        run.shared_server()
    return caught.value.verdict


@on_linux
@pytest.mark.parametrize(("sandbox", "verdict"), [(Starved(), Verdict.OVER_MEMORY), (Sandbox(), Verdict.NOT_STARTED)])
def test_who_is_ended_for_its_memory_did_not_fail_to_start(sandbox: Sandbox, verdict: Verdict, tmp_path: Path) -> None:
    """Who is ended by a signal before it listens took too much memory, where the kernel has ended somebody for that."""
    (tmp_path / "webserver.py").write_text(ENDS)
    with running(load_lab("lab1"), tmp_path, Options(1), sandbox) as run:
        assert why_not(run) == verdict
        assert run.fleet.history[0].program.verdict == verdict


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Let a program of these runs that dies of its first client be dead before anybody looks whose port that was."""
    runs: list[Run] = []
    connect = sockets.connect

    def connect_and_wait(port: int) -> object:
        found = connect(port)
        for started in runs[0].fleet.history if found else ():
            if started.program.port == port:
                started.program.wait_until_ended(time.monotonic(), 20)
        return found

    monkeypatch.setattr(sockets, "connect", connect_and_wait)
    return runs


@on_linux
def test_who_is_ended_for_its_memory_is_not_started_again(tmp_path: Path, late: list[Run]) -> None:
    """What the kernel has ended is judged no longer, as what the guard ends, and whichever of them comes first."""
    (tmp_path / "webserver.py").write_text(ENDS_LATER)
    with running(load_lab("lab1"), tmp_path, Options(1), Starved()) as run:
        late.append(run)
        run.begin("1.1")
        program = run.shared_server().program
        assert why_not(run) == program.verdict == Verdict.OVER_MEMORY
        assert "webserver" in run.fleet.given_up


@on_linux
def test_who_dies_is_started_again(tmp_path: Path, late: list[Run]) -> None:
    """A program that has ended itself by the same signal has died, and the next check meets a new one."""
    (tmp_path / "webserver.py").write_text(ENDS_LATER)
    with running(load_lab("lab1"), tmp_path, Options(1)) as run:
        late.append(run)
        run.begin("1.1")
        program = run.shared_server().program
        verdicts = [program.verdict]
        assert run.shared_server().program is not program
        assert [*verdicts, program.verdict] == [Verdict.READY, Verdict.DIED]


@on_linux
def test_who_has_fallen_is_blamed_and_nobody_else(tmp_path: Path) -> None:
    """Where the kernel has ended a program, and no process has the memory, those that wait are not to blame."""
    killed: list[str] = []

    class Fallen(Sandbox):
        name = "guarded"
        is_limited = True

        def killed(self) -> int:
            return len(killed)

    lab = load_lab("lab2")
    for spec in lab.programs:
        (tmp_path / spec.file).write_text("import time; time.sleep(60)")
    (tmp_path / lab.programs[0].file).write_text(ENDS)
    with running(lab, tmp_path, Options(1), Fallen()) as run:
        run.fleet.start_more()
        fallen, *waiting = run.fleet.history
        assert waiting
        fallen.program.wait_until_ended(time.monotonic(), 20)
        killed.append(fallen.name)
        until(lambda: run.fleet.given_up)
        assert set(run.fleet.given_up) == {fallen.name}
        assert not any(each.program.has_exited for each in waiting)


@on_linux
def test_copy_that_is_asked_goes_with_the_one_that_took_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel may have ended what was started by one copy, and the guard find the memory in another."""
    monkeypatch.setattr("labcheck.judging.fleet.MEMORY", 80 * MIB)

    class StarvedByCopy(Sandbox):
        name = "guarded"
        is_limited = True

        def killed(self) -> int:
            if not runs or runs[0].fleet.history[0].role is Role.EARLY:  # nobody has asked the first one yet
                return 0
            copies = [each.program.pid for each in runs[0].fleet.history[1:]]
            return int(any(memory_of(pid) > 50 * MIB for pid in copies))

    runs: list[Run] = []
    (tmp_path / "webserver.py").write_text(TAKES_UNLESS_ASKED)
    with running(load_lab("lab1"), tmp_path, Options(1), StarvedByCopy()) as run:
        runs.append(run)
        run.fleet.start_more()
        assert why_not(run) == Verdict.OVER_MEMORY
        assert run.fleet.history[0].program.verdict == Verdict.OVER_MEMORY


@pytest.mark.parametrize("lab", ["lab1", "lab2"])
def test_copy_that_was_faster_on_a_port_of_its_own_choice_hides_nothing(lab: str, tmp_path: Path) -> None:
    """Who finds its hard-coded port held by another copy, or program, of the same submission is told of that port."""
    port = Port()
    text = HARD_CODED.replace("PORT", str(port.number)).replace("MARK", repr(str(tmp_path / "mark")))
    judged = load_lab(lab)
    for spec in judged.programs:
        (tmp_path / spec.file).write_text(text)
    with running(judged, tmp_path, Options(1)) as run:
        until((tmp_path / "mark").is_dir)  # the one that is judged is the first
        run.fleet.start_more()
        assert why_not(run) == run.fleet.history[0].program.verdict == Verdict.OTHER_PORT
    port.release()


def test_what_is_begun_after_a_bite_is_spared() -> None:
    """A watchdog that bites as a check ends is done with it before the next check can begin."""
    biting, go_on = threading.Event(), threading.Event()
    bitten: list[float] = []

    def bite() -> None:
        biting.set()
        go_on.wait(10)
        bitten.append(time.monotonic())

    watchdog = Watchdog(bite)
    watchdog.set(0)
    assert biting.wait(10)
    threading.Timer(0.05, go_on.set).start()
    watchdog.set(60)
    next_begins = time.monotonic()
    watchdog.stop()
    assert bitten
    assert bitten[0] <= next_begins


STANDS_STILL = """
import os, signal, subprocess, sys, threading
from labcheck.judging.watchdog import LOOK, Watchdog
bitten = threading.Event()
Watchdog(bitten.set).set(2 * LOOK)
wakes = f"import os, signal, time; time.sleep({8 * LOOK}); os.kill({os.getpid()}, signal.SIGCONT)"
with subprocess.Popen([sys.executable, "-c", wakes]):
    os.kill(os.getpid(), signal.SIGSTOP)
    print(bitten.wait(LOOK / 2), bitten.wait(20))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="signals as Unix knows them")
def test_standstill_counts_as_one_look() -> None:
    """When the whole machine has stood still, whoever waited for his own end sees it before the watchdog bites."""
    done = subprocess.run([sys.executable, "-c", STANDS_STILL], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_whom_we_have_ended_still_ran(tmp_path: Path) -> None:
    """That the watchdog ends a program whose end was waited for is no ending of its own."""
    (tmp_path / "webserver.py").write_text("import time; time.sleep(60)")
    with running(load_lab("lab1"), tmp_path, Options(1)) as run:
        asleep = run.fleet.history[0].program
        threading.Timer(0.1, asleep.kill).start()
        assert asleep.wait_until_ended(time.monotonic(), 30).status.code is None
