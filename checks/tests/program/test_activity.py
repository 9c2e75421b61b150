"""Whether a program is busy or idle."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from conftest import until
from labcheck.program import activity, waits
from labcheck.program.activity import Activity
from labcheck.program.output import Output
from labcheck.sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports what threads do")


@pytest.fixture
def asleep() -> Iterator[Activity]:
    """Start a program that sleeps, and wait until it sleeps."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        found = Activity(lambda: process.pid, lambda: True)
        found.wait_until_idle(30)
        yield found
        process.kill()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Time that passes only when a test or a sleep lets it pass."""
    passing = SimpleNamespace(now=0.0)

    def sleep(seconds: float) -> None:
        passing.now += seconds

    monkeypatch.setattr(activity, "clock", SimpleNamespace(now=lambda: passing.now))
    monkeypatch.setattr(activity, "time", SimpleNamespace(sleep=sleep))
    return passing


def test_idle_time_is_measured_between_samples(clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program is idle if it did nothing between samples, unless the grader itself stood still."""
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


def test_program_that_wakes_up_between_two_looks_does_not_wait(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that ends a pause, prints its prompt and waits for input, all between two looks, is looked at again."""
    waiting, ran = Activity(lambda: 0, lambda: True), ["for a while"]
    monkeypatch.setattr(waiting, "threads", lambda: [("S", ran[-1])])
    monkeypatch.setattr(processes, "tree", lambda _: [0])

    def wake_up(_: int) -> bool:
        ran.append("a little more")
        return False

    monkeypatch.setattr(waits, "wakes_by_itself", wake_up)
    waiting.begin_rest()
    while not waiting.waits_for_input():
        clock.now += 0.02
    assert clock.now == pytest.approx(2 * activity.SURE, abs=0.1)


def test_unread_output_is_not_idle(clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program with unread output is not idle."""
    printing = Activity(lambda: 0, lambda: False)
    monkeypatch.setattr(printing, "threads", lambda: [("S", "1")])
    for _ in range(10):
        clock.now += 0.02
        assert not printing.has_rested(0)


def test_sleeping_program_is_idle(asleep: Activity) -> None:
    """The system reports that a real process that sleeps is idle."""
    asleep.begin_rest()
    until(lambda: asleep.has_rested(0))
    assert [state for state, _ in asleep.threads() or []] == ["S"]


def test_program_waiting_for_the_disk_is_busy(asleep: Activity, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in an uninterruptible sleep is busy: it does not wait for input."""
    asleep.begin_rest()
    until(lambda: asleep.has_rested(0))
    monkeypatch.setattr(processes, "state_of", lambda _: "D")
    assert not any(asleep.has_rested(0) for _ in range(10))


@pytest.mark.parametrize(("threads", "seconds"), [([("R", "1")], 2.0), ([("R", "1"), ("S", "{}")], 0.5)])
def test_time_without_a_processor_does_not_count(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, threads: list[tuple[str, str]], seconds: float
) -> None:
    """A program that is ready to run but gets no processor has more time to become idle."""
    waiting = Activity(lambda: 0, lambda: True)
    monkeypatch.setattr(waiting, "threads", lambda: [(state, ran.format(clock.now)) for state, ran in threads])
    waiting.wait_until_idle(0.5)
    assert clock.now == pytest.approx(seconds, abs=0.02)


def test_unknown_state_is_never_idle() -> None:
    """If the system reports nothing, because the process is gone, nobody waits for it, and it never counts as idle."""
    gone = Activity(lambda: 2**22 + 1, lambda: True)
    gone.wait_until_idle(60)  # returns at once
    assert gone.threads() is None
    assert not gone.has_rested(0)


def test_children_count() -> None:
    """A server whose children do the work is busy while one of them is."""
    works = "while True: pass"
    starts = f"import subprocess, sys; print(flush=True); subprocess.run([sys.executable, '-c', {works!r}])"
    with subprocess.Popen([sys.executable, "-c", starts], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        activity = Activity(lambda: process.pid, lambda: True)
        until(lambda: any(state == "R" for state, _ in activity.threads() or ()))
        activity.begin_rest()
        assert not any(activity.has_rested(0) for _ in range(20))
        processes.end_tree(process.pid)
    assert activity.threads() is None


@pytest.mark.parametrize(
    ("used", "told"),
    [
        (0.0, "the program was at rest"),
        (0.05, "the program was at rest"),
        (0.5, "the program used 0.5 s of processor time in 10.0 s"),
        (8.6, "the program was busy: it used 9 s of processor time in 10 s"),
        (None, ""),
    ],
)
def test_what_a_program_did_is_put_into_words(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, used: float | None, told: str
) -> None:
    """The words follow from the processor time that was used; nothing is said if that is not known."""
    watched = Activity(lambda: 0, lambda: True)
    monkeypatch.setattr(watched, "processor_time", lambda: clock.now and used)
    watch = watched.watch()
    clock.now += 10
    assert str(watch) == told


def test_no_wait_goes_on_when_the_time_is_up(clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a program has hundreds of processes and each look takes a second, waits end with the time for it."""
    looks: list[float] = []
    late = Activity(lambda: 0, lambda: True, until=3)

    def slow_look() -> activity.Threads:
        clock.now += 1
        looks.append(clock.now)
        return [("R", str(clock.now).encode())]

    monkeypatch.setattr(late, "threads", slow_look)
    monkeypatch.setattr(activity, "waits", SimpleNamespace(sleeps=lambda pid: False))
    late.wait_until_idle(5)
    assert clock.now < 4.1
    for wait in (lambda: late.wait_until_idle(5), late.doing, lambda: late.sleeps_for(5)):
        looks.clear()
        wait()
        assert len(looks) <= 1


def test_processor_time_is_measured(asleep: Activity) -> None:
    """A program that sleeps uses no processor time; one that has ended has none."""
    before = asleep.processor_time()
    assert before is not None
    assert asleep.processor_time() == before
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        busy = Activity(lambda: process.pid, lambda: True)
        until(lambda: (busy.processor_time() or 0) > 0.05)
        process.kill()
    assert busy.processor_time() is None


@pytest.mark.parametrize(
    ("before", "then", "told"),
    [
        (b"", b"waiting\n" * 5, "the program prints this line again and again: waiting"),
        (b"x\n", b"waiting\n" * 5 + b"wai", "the program prints this line again and again: waiting"),
        (b"waiting\n", b"waiting\n" * 4, ""),
        (b"", b"a\nb\n" * 50, ""),
        (b"", b"\n" * 50, ""),
    ],
)
def test_line_that_is_printed_again_and_again(before: bytes, then: bytes, told: str) -> None:
    """A line counts if it is all that a program has printed lately, often enough, since the wait began."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        output = Output(pipe, [])
        os.write(writing, before)
        until(lambda: output.total == len(before))
        watch = Activity(lambda: 2**22 + 1, lambda: True, (output,)).watch()
        os.write(writing, then)
        until(lambda: output.total == len(before + then))
        assert str(watch) == told
        os.close(writing)
        output.finish(5)
