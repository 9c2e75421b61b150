"""Deadlines: every wait has one."""

from __future__ import annotations

import time


class Deadline:
    """A moment by which something must have happened, `seconds` from now.

    `in_all`: this deadline is the end of a longer limit of that many seconds, part of which had already passed.
    """

    def __init__(self, seconds: float, in_all: float | None = None) -> None:
        self.seconds = seconds
        self.at = time.monotonic() + seconds
        self.in_all = in_all

    @property
    def words(self) -> str:
        """The time limit in words, to follow the thing that did not happen: `within 3 s`."""
        if self.in_all is None:
            return f"within {self.seconds:.3g} s"
        return f"by the end of the time limit of {self.in_all:.3g} s"

    def left(self) -> float:
        """Return the seconds that are left; at least a millisecond, so that data that has arrived is still read."""
        return max(self.at - time.monotonic(), 0.001)

    def passed(self) -> bool:
        """Return whether the deadline has passed."""
        return time.monotonic() >= self.at

    def at_most(self, seconds: float) -> Deadline:
        """Return a deadline `seconds` from now, or this one if it is earlier."""
        left = self.left()
        return Deadline(seconds) if seconds <= left else Deadline(left, self.seconds)
