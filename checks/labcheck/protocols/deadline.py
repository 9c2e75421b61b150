"""Deadlines: every wait has one."""

from __future__ import annotations

import math

from labcheck.program import clock


def in_words(seconds: float) -> str:
    """Return a time with two digits, or as many as it has before the point: 3.0004 is `3 s`."""
    return f"{seconds:.0f} s" if seconds >= 99.5 else f"{seconds:.2g} s"


class Deadline:
    """A moment by which something must have happened, `seconds` from now, or by `limit` if that is earlier."""

    def __init__(self, seconds: float, limit: Deadline | None = None) -> None:
        self._usual = seconds
        self._limit = limit
        self.renew()

    def renew(self) -> None:
        """Begin again, for the next exchange. The limit stays the same."""
        left = math.inf if self._limit is None else self._limit.left()
        self.seconds = min(self._usual, left)
        self.at = clock.now() + self.seconds

    def extend(self, seconds: float) -> None:
        """Allow that many seconds more for this exchange: the other side was asked to wait."""
        left = math.inf if self._limit is None else self._limit.left()
        self.seconds = min(self.seconds + seconds, left)
        self.at = min(self.at + seconds, clock.now() + left)

    @property
    def words(self) -> str:
        """The time limit in words, to follow the thing that did not happen: `within 3 s`."""
        return f"within {in_words(self.seconds)}"

    def left(self) -> float:
        """Return the seconds that are left; at least a millisecond, so that data that has arrived is still read."""
        return max(self.at - clock.now(), 0.001)

    def passed(self) -> bool:
        """Return whether the deadline has passed."""
        return clock.now() >= self.at

    def at_most(self, seconds: float) -> Deadline:
        """Return a deadline `seconds` from now, or this one if it is earlier."""
        return Deadline(seconds, self)
