"""Deadlines."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labcheck.protocols import deadline
from labcheck.protocols.deadline import Deadline


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until a test moves it."""
    passing = SimpleNamespace(now=100.0)
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: passing.now))
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
    """A deadline derived from another one is never later, and its words name the limit that applies."""
    whole = Deadline(10)
    clock.now += 4
    short, long = whole.at_most(2), whole.at_most(60)
    assert (short.left(), short.words) == (2, "within 2 s")
    assert (long.left(), long.words) == (6, "by the end of the time limit of 10 s")
