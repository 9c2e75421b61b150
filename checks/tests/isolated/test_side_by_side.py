"""The programs of one submission are checked at the same time: the result is the same, and nothing is left behind."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from conftest import OUTSIDE, alive, until
from labcheck.errors import Fault, MachineError
from labcheck.isolated import side_by_side
from labcheck.isolated.side_by_side import groups_of, judge_side_by_side
from labcheck.judging.judge import judge
from labcheck.judging.options import Options
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labcheck.record.record import Record

LAB = load_lab("lab2")
linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, programs are checked one after the other")


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processors."""
    monkeypatch.setattr(side_by_side, "processors", lambda: 2)


@pytest.mark.parametrize(
    ("number", "steps"), [(1, ["1234"]), (2, ["12", "34"]), (3, ["1", "23", "4"]), (4, ["1", "2", "3", "4"])]
)
def test_groups_have_about_the_same_size(number: int, steps: list[str]) -> None:
    """Each processor gets whole programs, and every requirement is in one group."""
    groups = groups_of(LAB, LAB.requirements, number)
    assert ["".join(dict.fromkeys(id[0] for id in group)) for group in groups] == steps
    assert [id for group in groups for id in group] == list(LAB.requirements)


def test_one_program_makes_one_group() -> None:
    """A program is never divided: its checks share a process of it."""
    assert groups_of(LAB, ["1.2", "1.3", "1.4"], 8) == [("1.2", "1.3", "1.4")]
    lab1 = load_lab("lab1")
    assert groups_of(lab1, lab1.requirements, 8) == [lab1.requirements]


def findings(record: Record) -> list[tuple[str, str, bool]]:
    """Return what does not depend on ports and times."""
    return [(each.id, each.outcome, bool(each.expected)) for each in record.requirements]


@linux
@pytest.mark.usefixtures("two", "nothing_is_left")
@pytest.mark.parametrize("only", [(), ("1.2", "3.4", "3.5")], ids=["all", "some"])
def test_result_is_that_of_one_process(only: tuple[str, ...]) -> None:
    """The same seed gives the same findings, in the same order, no matter how many processes look for them."""
    options = Options(seed=1, only=only)
    alone = judge(LAB, LAB.starter, options).record
    together = judge_side_by_side(LAB, LAB.starter, options)
    assert together.faults == []
    assert findings(together.record) == findings(alone)
    assert together.record.selected == alone.selected
    assert [each.name for each in together.record.programs].count("chat_server") >= 1
    assert {each.name for each in together.record.programs} == {each.name for each in alone.programs}


@linux
@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("error", [MachineError("no loopback"), Fault("ours")], ids=["machine", "fault"])
def test_errors_pass_through(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """An error in one of the processes is the error of the whole grading."""

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(side_by_side, "judge", fails)
    with pytest.raises(type(error), match=str(error)):
        judge_side_by_side(LAB, LAB.solution, Options())


@linux
@pytest.mark.usefixtures("two")
def test_other_exceptions_are_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody expects is an internal error of labcheck, with its traceback."""
    monkeypatch.setattr(side_by_side, "judge", None)
    with pytest.raises(Fault, match="TypeError: 'NoneType' object is not callable"):
        judge_side_by_side(LAB, LAB.solution, Options())


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """Start labcheck for a lab 2, and wait until programs of both groups run: yields it with all its processes."""
    folder = shutil.copytree(LAB.solution, tmp_path / "lab2")
    (folder / "chat_server.py").write_text("import time\ntime.sleep(60)\n")
    command = [sys.executable, "-m", "labcheck", "lab2", str(folder)]
    with subprocess.Popen(
        command, env=OUTSIDE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        found: list[psutil.Process] = []

        def runs() -> bool:
            try:
                found[:] = psutil.Process(process.pid).children(recursive=True)
                said = "\n".join(" ".join(each.cmdline()) for each in found)
            except psutil.Error:  # one of them has ended
                return False
            return "echo_server.py" in said and "chat_server.py" in said

        until(runs)
        yield process, found
        process.kill()


@linux
@pytest.mark.skipif(side_by_side.processors() < 2, reason="needs two processors")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_labcheck(
    running: tuple[subprocess.Popen[str], list[psutil.Process]], number: signal.Signals
) -> None:
    """After Ctrl+C, SIGTERM and SIGKILL, all processes and all programs are gone."""
    process, found = running
    process.send_signal(number)
    process.communicate(timeout=30)
    until(lambda: not any(alive(each.pid) for each in found))


@linux
@pytest.mark.skipif(side_by_side.processors() < 2, reason="needs two processors")
def test_process_that_is_killed_is_reported(running: tuple[subprocess.Popen[str], list[psutil.Process]]) -> None:
    """If the system ends one of the processes, there is no result, and one line says so."""
    process, found = running
    program = next(each for each in found if "chat_server.py" in " ".join(each.cmdline()))
    parent = program.parent()
    assert parent is not None
    parent.kill()
    _, err = process.communicate(timeout=60)
    assert err == "labcheck: the process that checked some of the programs was ended from outside\n"
    assert process.returncode == 3
    until(lambda: not any(alive(each.pid) for each in found))
