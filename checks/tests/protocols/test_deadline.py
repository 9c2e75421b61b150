"""Deadlines, and the clock that they go by."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labcheck.program import clock as clock_module
from labcheck.program.clock import Clock
from labcheck.protocols.deadline import Deadline


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until a test moves it."""
    passing = SimpleNamespace(now=100.0)
    monkeypatch.setattr(clock_module, "time", SimpleNamespace(monotonic=lambda: passing.now))
    return passing


def test_time_runs_out(clock: SimpleNamespace) -> None:
    """The time left decreases but never reaches zero, so that data that has arrived can still be read."""
    limit = Deadline(2)
    assert (limit.left(), limit.passed()) == (2, False)
    clock.now += 1.5
    assert (limit.left(), limit.passed()) == (0.5, False)
    clock.now += 0.5
    assert (limit.left(), limit.passed()) == (0.001, True)
    clock.now += 60
    assert (limit.left(), limit.passed()) == (0.001, True)


def test_derived_deadline_is_never_later(clock: SimpleNamespace) -> None:
    """A deadline derived from another one is never later, and its words name the time that it leaves."""
    whole = Deadline(10)
    clock.now += 4
    short, long = whole.at_most(2), whole.at_most(60)
    assert (short.left(), short.words) == (2, "within 2 s")
    assert (long.left(), long.words) == (6, "within 6 s")


def test_each_exchange_has_its_own_time(clock: SimpleNamespace) -> None:
    """A renewed deadline begins again, but never goes beyond its limit."""
    exchange = Deadline(15).at_most(10)
    clock.now += 8
    exchange.renew()
    assert (exchange.left(), exchange.passed()) == (7, False)
    clock.now += 7
    exchange.renew()
    assert exchange.left() == pytest.approx(0.001)


def test_wait_that_was_asked_for_is_added(clock: SimpleNamespace) -> None:
    """The other side has the usual time after the seconds that it was asked to wait, but not beyond the limit."""
    exchange = Deadline(40).at_most(10)
    exchange.extend(12)
    assert (exchange.left(), exchange.words) == (22, "within 22 s")
    clock.now += 30
    exchange.renew()
    exchange.extend(12)
    assert (exchange.left(), exchange.words) == (10, "within 10 s")
    clock.now += 5
    exchange.renew()
    assert exchange.left() == 5


@pytest.mark.parametrize(("seconds", "words"), [(0.25, "0.25 s"), (2.9998, "3 s"), (9.96, "10 s"), (200, "200 s")])
def test_seconds_in_words(seconds: float, words: str) -> None:
    """Times are rounded to what a reader needs."""
    assert Deadline(seconds).words == f"within {words}"


def test_standstill_is_left_out(clock: SimpleNamespace) -> None:
    """A gap in the ticks is a standstill, and does not count: for no reader of the clock, and only once."""
    watched = Clock()
    watched.start_watch()
    began = watched.now()
    clock.now += 0.9
    watched.tick()
    assert watched.now() - began == pytest.approx(0.9)
    clock.now += 600
    assert watched.now() - began == pytest.approx(0.9)
    watched.tick()
    clock.now += 0.5
    assert watched.now() - began == pytest.approx(1.4)
    watched.stop_watch()
    clock.now += 600  # nobody ticks any more
    assert watched.now() - began == pytest.approx(601.4)
