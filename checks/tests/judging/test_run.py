"""The run of one grading."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from conftest import needs_links, until
from labcheck.errors import NotReadyError, SuiteError, Verdict
from labcheck.judging.judge import judge
from labcheck.judging.options import Options
from labcheck.judging.run import running
from labcheck.judging.watchdog import Watchdog
from labcheck.program import clock, sockets
from labcheck.program.ports import Port
from labcheck.program.program import Program
from labcheck.protocols.deadline import Deadline
from labcheck.protocols.http.server import Server
from labcheck.protocols.started import Role
from labcheck.record.record import Outcome, Place
from labcheck.sandbox import processes
from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.memory import memory_of
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.judging.run import Run
    from labcheck.program.evidence import Printed

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports that memory has run out")
MIB = 1 << 20
ENDS = "import os; os.kill(os.getpid(), 9)\n"
ENDS_LATER = f"import socket, sys; socket.create_server(('127.0.0.1', int(sys.argv[1]))).accept(); {ENDS}"
TAKES_UNLESS_ASKED = f"""\
import glob, time
kept = b"" if glob.glob("site-*") else b"x" * {50 * MIB}  # the shared copy holds the grader's files
time.sleep(60)
"""
HARD_CODED = """\
import os, socket, sys, time
try:
    os.mkdir(MARK)  # only the first process succeeds
except FileExistsError:
    listener = socket.create_server(("127.0.0.1", PORT))
    time.sleep(60)
while socket.socket().connect_ex(("127.0.0.1", PORT)) != 0:
    time.sleep(0.01)
listener = socket.create_server(("127.0.0.1", PORT))
"""
ASYNCIO = """
async def main():
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", PORT) as server:
        await server.serve_forever()

asyncio.run(main())
"""


class Starved(Sandbox):
    """No protection; it reports that the kernel has ended a process."""

    def killed(self) -> int:
        """Return the number of processes that the kernel has ended."""
        return 1


@pytest.fixture(autouse=True)
def _orphans_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not adopt the orphans of other tests."""
    monkeypatch.setattr(processes, "adopt_orphans", lambda: None)


def why_not(run: Run, id: str = "1.1") -> Verdict:
    """Ask for the shared server that a check uses, and return the verdict of the error."""
    run.begin(id)
    with pytest.raises(NotReadyError) as caught:
        run.shared_server()
    return caught.value.verdict


@on_linux
@pytest.mark.parametrize(("sandbox", "verdict"), [(Starved(), Verdict.OVER_MEMORY), (Sandbox(), Verdict.NOT_STARTED)])
def test_program_killed_for_its_memory_did_not_fail_to_start(
    sandbox: Sandbox, verdict: Verdict, tmp_path: Path
) -> None:
    """A program that was killed before it listened used too much memory if the kernel reports such a kill."""
    (tmp_path / "webserver.py").write_text(ENDS)
    with running(load_lab("lab1"), tmp_path, Options(1), sandbox) as run:
        assert why_not(run) == verdict
        assert run.fleet.history[0].program.verdict == verdict


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """In these runs, a program that its first client ends has exited before labcheck looks for the port's owner."""
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
def test_program_killed_for_its_memory_is_not_started_again(tmp_path: Path, late: list[Run]) -> None:
    """A program ended by the kernel is no longer checked, just like one ended by the guard, whichever comes first."""
    (tmp_path / "webserver.py").write_text(ENDS_LATER)
    with running(load_lab("lab1"), tmp_path, Options(1), Starved()) as run:
        late.append(run)
        run.begin("1.1")
        program = run.shared_server().program
        assert why_not(run) == program.verdict == Verdict.OVER_MEMORY
        assert "webserver" in run.fleet.given_up


@on_linux
def test_program_that_dies_is_started_again(tmp_path: Path, late: list[Run]) -> None:
    """A program that killed itself with the same signal has died, and the next check gets a new one."""
    (tmp_path / "webserver.py").write_text(ENDS_LATER)
    with running(load_lab("lab1"), tmp_path, Options(1)) as run:
        late.append(run)
        run.begin("1.1")
        program = run.shared_server().program
        verdicts = [program.verdict]
        assert run.shared_server().program is not program
        assert [*verdicts, program.verdict] == [Verdict.READY, Verdict.SILENT_END]


@on_linux
def test_only_the_killed_program_is_blamed(tmp_path: Path) -> None:
    """If the kernel has ended a program and no process holds the memory, idle programs are not blamed."""
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
def test_used_copy_is_ended_with_the_one_that_holds_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may have ended the children of one copy while the guard finds the memory in another copy."""
    monkeypatch.setattr("labcheck.judging.fleet.MEMORY", 80 * MIB)

    class StarvedByCopy(Sandbox):
        name = "guarded"
        is_limited = True

        def killed(self) -> int:
            if not runs or runs[0].fleet.history[0].role is Role.EARLY:  # no check has used the first one
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
def test_hard_coded_port_is_reported_even_if_another_copy_holds_it(lab: str, tmp_path: Path) -> None:
    """If another copy of the same submission holds a program's hard-coded port, the verdict still names that port."""
    port = Port()
    text = HARD_CODED.replace("PORT", str(port.number)).replace("MARK", repr(str(tmp_path / "mark")))
    loaded = load_lab(lab)
    for spec in loaded.programs:
        (tmp_path / spec.file).write_text(text)
    with running(loaded, tmp_path, Options(1)) as run:
        until((tmp_path / "mark").is_dir)  # the checked program is the first one
        run.fleet.start_more()
        assert why_not(run) == run.fleet.history[0].program.verdict == Verdict.OTHER_PORT
    port.release()


@pytest.mark.parametrize("how", ["listener = socket.create_server(('127.0.0.1', PORT)); time.sleep(60)", ASYNCIO])
def test_every_program_with_the_same_fixed_port_gets_the_same_verdict(how: str, tmp_path: Path) -> None:
    """A program that was given up does not hold the port any more that the next one is wrong about, too."""
    port = Port()
    lab = load_lab("lab2")
    for spec in lab.programs:
        text = f"import asyncio, socket, time\n{how}".replace("PORT", str(port.number))
        (tmp_path / spec.file).write_text("input()" if spec.is_client else text)
    with running(lab, tmp_path, Options(1)) as run:
        run.fleet.start_more()
        assert [why_not(run, id) for id in ("1.1", "3.1")] == [Verdict.OTHER_PORT] * 2
    port.release()


@pytest.mark.parametrize("how", ["socket.create_server(('127.0.0.1', PORT))", ASYNCIO])
def test_fixed_port_that_another_program_holds_is_taken(how: str, tmp_path: Path) -> None:
    """If another program holds the fixed port of a program, the verdict says so, no matter how the library words it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        text = f"import asyncio, socket\n{how}".replace("PORT", str(other.getsockname()[1]))
        (tmp_path / "webserver.py").write_text(text)
        with running(load_lab("lab1"), tmp_path, Options(1)) as run:
            run.fleet.start_more()
            assert why_not(run) == Verdict.PORT_TAKEN


def test_watchdog_does_not_affect_the_next_check() -> None:
    """If the watchdog acts when a check ends, it has finished before the next check can begin."""
    biting, go_on = threading.Event(), threading.Event()
    bitten: list[float] = []

    def bite() -> None:
        biting.set()
        go_on.wait(10)
        bitten.append(time.monotonic())

    watchdog = Watchdog(bite, grace=0)
    watchdog.watch(Deadline(0))
    assert biting.wait(10)
    threading.Timer(0.05, go_on.set).start()
    watchdog.watch(Deadline(60))
    next_begins = time.monotonic()
    watchdog.stop()
    assert bitten
    assert bitten[0] <= next_begins


STANDS_STILL = """
import os, signal, subprocess, sys, threading
from labcheck.judging.watchdog import LOOK, Watchdog
from labcheck.protocols.deadline import Deadline
bitten = threading.Event()
Watchdog(bitten.set, grace=2 * LOOK).watch(Deadline(0))
wakes = f"import os, signal, time; time.sleep({8 * LOOK}); os.kill({os.getpid()}, signal.SIGCONT)"
with subprocess.Popen([sys.executable, "-c", wakes]):
    os.kill(os.getpid(), signal.SIGSTOP)
    print(bitten.wait(LOOK / 2), bitten.wait(20))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs the signals of Unix")
def test_standstill_is_not_held_against_a_program() -> None:
    """The time in which the whole machine stood still does not count: the watchdog acts only later."""
    done = subprocess.run([sys.executable, "-c", STANDS_STILL], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "True"]


SPEAKS_WHEN_RESTARTED = """\
import os, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
if os.path.exists("site/mark"):
    print("Started HTTP server")
os.makedirs("site/mark", exist_ok=True)
while listener.accept():
    pass
"""


@pytest.mark.parametrize(
    ("standstills", "tries", "outcome"), [(0, 1, Outcome.FAILED), (1, 2, Outcome.PASSED), (99, 5, Outcome.ERROR)]
)
def test_check_that_fails_during_a_standstill_is_run_again(
    standstills: int, tries: int, outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its failure proves nothing. It gets new programs: the old ones may have run into time limits of their own."""
    calls: list[str] = []

    def output(server: Server, until: str, seconds: float) -> Printed:
        calls.append(until)
        return wait_for(server, until, seconds / 10)

    wait_for = Server.output
    monkeypatch.setattr(Server, "output", output)
    monkeypatch.setattr(clock, "lost", lambda: 7.0 * min(len(calls), standstills))
    text = SPEAKS_WHEN_RESTARTED if outcome is not Outcome.ERROR else SPEAKS_WHEN_RESTARTED.replace("Started", "")
    (tmp_path / "webserver.py").write_text(text)
    found = judge(load_lab("lab1"), tmp_path, Options(1, only=("1.2",)))
    assert [each.outcome for each in found.record.requirements if each.id == "1.2"] == [outcome]
    assert len(calls) == tries
    assert bool(found.faults) == (outcome is Outcome.ERROR)


def test_record_has_the_points_of_the_lab() -> None:
    """A requirement that passes earns the lab's points for it, in the record and in every report."""
    lab = replace(load_lab("lab1"), points={"1.1": 4, "2.3": 0})
    record = judge(lab, lab.solution, Options(1, only=("1.1",))).record
    assert (record.requirement("1.1").earned, record.score, record.max_score) == (4, 4, len(lab.requirements) + 2)
    assert record.points_rule == "4 points for 1.1; 0 points for 2.3; 1 point for each other requirement"


def test_program_that_did_not_start_during_a_standstill_is_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A correct program passes, although labcheck gave it up at first."""
    calls: list[float] = []

    def wait_until_listening(program: Program, seconds: float) -> None:
        calls.append(seconds)
        if len(calls) == 1:
            raise NotReadyError(Verdict.NEVER_LISTENED, "it did not listen")
        wait(program, seconds)

    wait = Program.wait_until_listening
    monkeypatch.setattr(Program, "wait_until_listening", wait_until_listening)
    monkeypatch.setattr(clock, "lost", lambda: 7.0 * min(len(calls), 1))
    lab = load_lab("lab1")
    found = judge(lab, lab.solution, Options(1, only=("1.1", "1.2")))
    assert found.record.all_passed
    assert len(calls) > 1


def test_program_ended_by_the_watchdog_was_still_running(tmp_path: Path) -> None:
    """A program that the watchdog ended while its end was awaited did not end on its own."""
    (tmp_path / "webserver.py").write_text("import time; time.sleep(60)")
    with running(load_lab("lab1"), tmp_path, Options(1)) as run:
        asleep = run.fleet.history[0].program
        threading.Timer(0.1, asleep.kill).start()
        assert asleep.wait_until_ended(time.monotonic(), 30).status.code is None


def test_incomplete_suite_is_an_error_of_its_author() -> None:
    """A requirement without a check, as in a damaged installation, gives no result."""
    lab = load_lab("lab1")
    last = lab.steps[-1]
    damaged = replace(lab, steps=(*lab.steps[:-1], replace(last, requirements=(*last.requirements, "6.9"))))
    with pytest.raises(SuiteError, match=r"suites/lab1: there is no check of 6\.9"):
        judge(damaged, lab.solution, Options(only=("1.1",)))


def test_suite_with_a_mistake_is_an_error_of_its_author(tmp_path: Path) -> None:
    """A suite that cannot be imported is not mistaken for an interrupt."""
    lab = load_lab("lab1")
    (tmp_path / "test_1.py").write_text("def broken(:")
    with pytest.raises(SuiteError, match=r"test_1\.py:1: SyntaxError"):
        judge(replace(lab, suite=tmp_path), lab.solution, Options())


NOT_PYTHON = 'import sys\n\nif sys.argv[1]:\n    print("é", 1))\n'


def test_file_that_python_cannot_read_is_in_the_record(tmp_path: Path) -> None:
    """The lines around the mistake are there, with its column; in a class, no hints and nothing of the lab sheet."""
    (tmp_path / "webserver.py").write_text(NOT_PYTHON, "utf-8")
    lab = load_lab("lab1")
    for whole in (True, False):
        record = judge(lab, tmp_path, Options(1, only=("1.1",), whole=whole)).record
        first = record.requirement("1.1")
        assert first.place == Place("webserver.py", 4)
        assert first.excerpt is not None
        assert (first.excerpt.kind, first.excerpt.said) == ("SyntaxError", "unmatched ')'")
        assert (first.excerpt.first, first.excerpt.lines) == (1, NOT_PYTHON.split("\n"))
        assert first.excerpt.lines[3][first.excerpt.column - 1 :] == ")"
        assert (len(first.hints), record.requirement("1.2").hints) == (3 if whole else 0, [])
        assert ("TODO 1.3" in record.steps[0].sheet) is whole


def test_hidden_requirement_shows_no_lines_and_no_hints(tmp_path: Path) -> None:
    """Of an instructor's hidden check, the record holds only the title and the outcome."""
    (tmp_path / "webserver.py").write_text(NOT_PYTHON, "utf-8")
    lab = replace(load_lab("lab1"), hidden=frozenset({"1.1"}))
    hidden = judge(lab, tmp_path, Options(1, only=("1.1",))).record.requirement("1.1")
    assert (hidden.outcome, hidden.excerpt, hidden.place, hidden.hints) == (Outcome.FAILED, None, None, [])


@needs_links
def test_lines_are_those_that_were_submitted(tmp_path: Path) -> None:
    """A program that names another file in a made-up traceback, or puts a link there, shows nothing of that file."""
    secret = tmp_path / "secret.py"
    secret.write_text("SECRET\n")
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "webserver.py").write_text(
        "import os, sys\n"
        f"os.symlink({str(secret)!r}, 'linked.py')\n"
        "sys.exit('  File \"linked.py\", line 1\\n    x\\n    ^\\nSyntaxError: invalid syntax')\n"
    )
    first = judge(load_lab("lab1"), folder, Options(1, only=("1.1",))).record.requirement("1.1")
    assert first.place == Place("linked.py", 1)
    assert first.excerpt is None
