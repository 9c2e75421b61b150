"""Runs of a lab's checks, one after the other, with and without a fork server."""

from __future__ import annotations

import os
import queue
from typing import TYPE_CHECKING

import psutil
import pytest

from conftest import CHECKOUT, alive, needs_fork, until
from labcheck.isolated.single import judge_apart
from labcheck.judging.options import Options
from labcheck.record.record import Outcome
from labcheck.student import runs
from labcheck.student.runs import Ended, Heard, Runs
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAB = load_lab("lab1")
SOLUTION = CHECKOUT / "solutions" / "lab1"
HANGS = "import time\ntime.sleep(100)"
Events = queue.SimpleQueue[Heard | Ended]


@pytest.fixture(params=[pytest.param(True, marks=needs_fork, id="fork server"), pytest.param(False, id="new process")])
def started(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Runs, Events]]:
    """Runs of the solution of lab 1, and what they tell."""
    monkeypatch.setattr(runs, "HAS_FORK", request.param)
    (tmp_path / "webserver.py").write_bytes((SOLUTION / "webserver.py").read_bytes())
    events: Events = queue.SimpleQueue()
    made = Runs(LAB, tmp_path, Options(), events.put)
    try:
        yield made, events
    finally:
        made.close()


def until_end(events: Events, number: int) -> tuple[dict[str, list[Outcome | None]], Ended]:
    """Return what is heard of each requirement until this run ends, and its end."""
    heard: dict[str, list[Outcome | None]] = {}
    while True:
        event = events.get(timeout=60)
        if event.run == number:
            if isinstance(event, Ended):
                return heard, event
            heard.setdefault(event.id, []).append(event.outcome)


def test_each_run_is_told_as_it_happens(started: tuple[Runs, Events], tmp_path: Path) -> None:
    """Each requirement is heard of twice, and the record has the same outcomes; then only one is checked."""
    made, events = started
    made.begin(())
    heard, end = until_end(events, 1)
    assert heard == {id: [None, Outcome.PASSED] for id in LAB.requirements}
    assert end.record is not None
    assert end.record.all_passed
    assert end.record.submission == str(tmp_path)
    made.begin(("2.3",))
    heard, end = until_end(events, 2)
    assert heard["2.3"] == [None, Outcome.PASSED]
    assert end.record is not None
    assert end.record.selected == ["2.3"]


def test_new_run_ends_the_one_before(started: tuple[Runs, Events], tmp_path: Path) -> None:
    """A program that hangs is gone soon after the next run has begun."""
    made, events = started
    good = (tmp_path / "webserver.py").read_bytes()
    (tmp_path / "webserver.py").write_text(HANGS)
    made.begin(())
    assert events.get(timeout=60) == Heard(1, "1.1", None)
    until(lambda: _running(os.getpid()))
    first = _running(os.getpid())
    (tmp_path / "webserver.py").write_bytes(good)
    made.begin(())
    _, end = until_end(events, 2)
    assert end.record is not None
    assert end.record.all_passed
    until(lambda: not any(alive(each.pid) for each in first))


def test_folder_that_cannot_be_checked(started: tuple[Runs, Events], tmp_path: Path) -> None:
    """The reason comes in words, and the next run is not affected."""
    made, events = started
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(40 << 20)
    made.begin(())
    _, end = until_end(events, 1)
    assert (end.record, end.faults) == (None, [])
    assert "cannot be checked: it contains more than 32 MiB" in end.why
    big.unlink()
    made.begin(("1.1",))
    assert until_end(events, 2)[1].record is not None


def _running(pid: int) -> list[psutil.Process]:
    """Return the student's programs below a process."""
    below = psutil.Process(pid).children(recursive=True)
    return [each for each in below if each.status() != psutil.STATUS_ZOMBIE and "webserver.py" in each.cmdline()]


@needs_fork
def test_outcomes_are_told_under_a_protection(open_python: str) -> None:
    """`labcheck LAB --sandbox NAME` shows its progress too."""
    heard = []
    options = Options(only=("1.1", "2.1"), protection="limits", python=open_python)
    judge_apart(LAB, SOLUTION, options, lambda *told: heard.append(told))
    assert [each for each in heard if each[0] == "2.1"] == [("2.1", None), ("2.1", Outcome.PASSED)]
