"""How many gradings run side by side.

A grading computes for a while and waits for a while, and how much of each depends on the lab and on the submissions. So
the number follows the processors: as long as they are idle, there is one more grading, and one fewer if they are not
idle at all.
"""

from __future__ import annotations

import os
import time

import psutil

EACH = 8  # gradings for each processor, at most
LOOK = 0.5  # seconds between two looks at the processors
IDLE = 0.4  # of one processor: less than a grading needs
BUSY = 0.05  # of one processor
ROOM = 1 << 30  # bytes of memory that must be available for one more grading


class Width:
    """The number of gradings to run at this moment: from one for each processor up to `most`."""

    def __init__(self, processors: int | None = None) -> None:
        self._least = processors or os.cpu_count() or 1
        self.most = self._least * EACH
        self._number = self._least
        self._times = psutil.cpu_times()
        self._looked = time.monotonic()

    def now(self, running: int) -> int:
        """Return the number of gradings to run now; `running` of them do so already."""
        if time.monotonic() - self._looked >= LOOK:
            self._look(running)
        return self._number

    def _look(self, running: int) -> None:
        before, self._times, since = self._times, psutil.cpu_times(), time.monotonic() - self._looked
        self._looked += since
        idle = (self._times.idle - before.idle) / since
        if idle < BUSY:
            self._number = max(self._least, self._number - 1)
        elif idle > IDLE and running >= self._number and psutil.virtual_memory().available > ROOM:
            self._number = min(self.most, self._number + 1)
