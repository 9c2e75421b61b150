"""Whether a program goes on by itself, or waits for somebody."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from conftest import until
from labcheck.program import activity
from labcheck.program.activity import Activity
from labcheck.sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what threads do")


@pytest.fixture
def asleep() -> Iterator[Activity]:
    """Start a program that sleeps, and wait until it does."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        found = Activity(lambda: process.pid, lambda: True)
        found.wait_until_idle(30)
        yield found
        process.kill()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Let time pass only where a test, or a sleep, lets it."""
    passing = SimpleNamespace(now=0.0)

    def sleep(seconds: float) -> None:
        passing.now += seconds

    monkeypatch.setattr(activity, "time", SimpleNamespace(monotonic=lambda: passing.now, sleep=sleep))
    return passing


def test_rest_is_what_was_looked_at(clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program has rested when it did nothing from look to look; not while the grader itself stood still."""
    resting = Activity(lambda: 0, lambda: True)
    monkeypatch.setattr(resting, "threads", lambda: [("S", "1")])
    resting.begin_rest()
    assert not resting.has_rested(1)
    clock.now += 10
    assert not resting.has_rested(1)
    for _ in range(100):
        clock.now += 0.02
        assert not resting.has_rested(2.1)
    clock.now += 0.02
    assert resting.has_rested(1)


def test_what_was_not_read_yet_is_no_rest(clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program whose output is still on its way has not come to rest."""
    printing = Activity(lambda: 0, lambda: False)
    monkeypatch.setattr(printing, "threads", lambda: [("S", "1")])
    for _ in range(10):
        clock.now += 0.02
        assert not printing.has_rested(0)


def test_who_sleeps_rests(asleep: Activity) -> None:
    """The system tells of a real process that it does nothing."""
    asleep.begin_rest()
    until(lambda: asleep.has_rested(0))
    assert [state for state, _ in asleep.threads() or []] == ["S"]


def test_who_waits_for_the_disk_is_not_at_rest(asleep: Activity, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in an uninterruptible sleep goes on by itself: it waits for nobody."""
    asleep.begin_rest()
    until(lambda: asleep.has_rested(0))
    monkeypatch.setattr(processes, "state_of", lambda _: "D")
    assert not any(asleep.has_rested(0) for _ in range(10))


@pytest.mark.parametrize(("threads", "seconds"), [([("R", "1")], 2.0), ([("R", "1"), ("S", "{}")], 0.5)])
def test_time_without_a_processor_does_not_count(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, threads: list[tuple[str, str]], seconds: float
) -> None:
    """A program that may not run, as the machine has other things to do, gets more time to come to rest."""
    waiting = Activity(lambda: 0, lambda: True)
    monkeypatch.setattr(waiting, "threads", lambda: [(state, ran.format(clock.now)) for state, ran in threads])
    waiting.wait_until_idle(0.5)
    assert clock.now == pytest.approx(seconds, abs=0.02)


def test_nobody_is_at_rest_where_nothing_is_told() -> None:
    """Of a process that is gone the system tells nothing: nobody waits for its rest, and it never has any."""
    gone = Activity(lambda: 2**22 + 1, lambda: True)
    gone.wait_until_idle(60)  # which is not to be waited for
    assert gone.threads() is None
    assert not gone.has_rested(0)
