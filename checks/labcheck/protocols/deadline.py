"""Waiting with an end, and what can go wrong meanwhile."""

from __future__ import annotations

import time


class Deadline:
    """A moment until which something must have happened.

    `in_all`: it is the end of a longer time of so many seconds, of which some had gone by already.
    """

    def __init__(self, seconds: float, in_all: float | None = None) -> None:
        self.seconds = seconds
        self.at = time.monotonic() + seconds
        self.in_all = in_all

    @property
    def words(self) -> str:
        """Say how much time there was, after what has not happened in it."""
        if self.in_all is None:
            return f"within {self.seconds:.3g} s"
        return f"when the time, {self.in_all:.3g} s in all, was over"

    def left(self) -> float:
        """Return the seconds that are left; never less than a millisecond, so that what is there is read."""
        return max(self.at - time.monotonic(), 0.001)

    def passed(self) -> bool:
        """Return whether it is too late."""
        return time.monotonic() >= self.at

    def at_most(self, seconds: float) -> Deadline:
        """Return a deadline that is no later than this one, and no more than so many seconds away."""
        left = self.left()
        return Deadline(seconds) if seconds <= left else Deadline(left, self.seconds)
