"""The clock of all waits: it does not count time in which the whole machine, or labcheck, stood still.

After a laptop was suspended or labcheck was stopped (SIGSTOP), every time limit would have passed although the program
had no time to answer. So a watcher calls `tick` regularly. If it was late by more than STANDSTILL seconds, everything
stood still, and the clock leaves out the time since the last tick.
"""

from __future__ import annotations

import threading
import time

STANDSTILL = 1.0  # seconds; even on a loaded machine, a thread that wakes every quarter of a second runs by then


class Clock:
    """A monotonic clock. From `start_watch` to `stop_watch`, it counts on somebody calling `tick` regularly."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watchers = 0
        self._last_tick = 0.0
        self._lost = 0.0

    def now(self) -> float:
        """Return the time in seconds; only differences mean something."""
        with self._lock:
            return self._look() - self._lost

    def lost(self) -> float:
        """Return how many seconds of standstill were left out so far."""
        with self._lock:
            self._look()
            return self._lost

    def tick(self) -> None:
        """Say that time is passing normally."""
        with self._lock:
            self._last_tick = self._look()

    def start_watch(self) -> None:
        """Begin to count on regular ticks."""
        with self._lock:
            self._last_tick = self._look()
            self._watchers += 1

    def stop_watch(self) -> None:
        """Stop counting on ticks."""
        with self._lock:
            self._watchers -= 1

    def _look(self) -> float:
        """Return the system's time; after a standstill, note first how long it took."""
        seen = time.monotonic()
        if self._watchers and seen - self._last_tick > STANDSTILL:
            self._lost += seen - self._last_tick
            self._last_tick = seen
        return seen


_clock = Clock()
now, lost, tick = _clock.now, _clock.lost, _clock.tick
start_watch, stop_watch = _clock.start_watch, _clock.stop_watch
