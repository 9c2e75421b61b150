"""Waiting with an end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labcheck.protocols import deadline
from labcheck.protocols.deadline import Deadline


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still, unless a test moves it."""
    passing = SimpleNamespace(now=100.0)
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: passing.now))
    return passing


def test_time_runs_out(clock: SimpleNamespace) -> None:
    """What is left gets less, and is never nothing: what is there already can still be read."""
    limit = Deadline(2)
    assert (limit.left(), limit.passed()) == (2, False)
    clock.now += 1.5
    assert (limit.left(), limit.passed()) == (0.5, False)
    clock.now += 0.5
    assert (limit.left(), limit.passed()) == (0.001, True)
    clock.now += 60
    assert (limit.left(), limit.passed()) == (0.001, True)


def test_shorter_one_is_no_later(clock: SimpleNamespace) -> None:
    """A deadline within another ends with it at the latest, and says which of the two it was."""
    whole = Deadline(10)
    clock.now += 4
    short, long = whole.at_most(2), whole.at_most(60)
    assert (short.left(), short.words) == (2, "within 2 s")
    assert (long.left(), long.words) == (6, "by the end of the time limit of 10 s")
