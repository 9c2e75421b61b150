"""The guard of a grading: it limits what all programs of a submission use together.

The kernel's resource limits apply to each process separately. The guard adds up all processes by reading /proc, so it
works on Linux only.

It also ends processes that start others and end at once. They never are too many, but they outrun any search for them,
and slow down all that labcheck does.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import Verdict
from labcheck.sandbox import memory, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

MEMORY = 1 << 30  # bytes of memory for all programs of a submission together
LOOK = 0.1  # seconds between two measurements
BUSY = 64  # threads running at the same time; a submission with more of them gets the lowest priority
DISK_LOOK = 0.5  # seconds between two looks at the disk
DISK_SHARE = 20  # times as long as a look took, if that is longer
DISK_MOST = 3.0  # seconds
REPLACED = 8  # processes that took the place of as many others since the last look; in honest programs, far fewer
LOOKS = 5  # in a row that find this,
WITHOUT_END = 2.0  # seconds apart: no server with a process for each request is asked that often for so long
LOWEST = 19  # nice(1)


class Guard:
    """Watch the descendants of this process until stopped, and call `end` with a verdict when they go over a limit.

    `killed` returns how many of them the kernel has killed for lack of memory, `disk` whether they wrote too much.
    """

    def __init__(self, end: Callable[[Verdict], None], killed: Callable[[], int], disk: Callable[[], bool]) -> None:
        self._end = end
        self._killed = killed
        self._disk = disk
        self._disk_at = 0.0  # the time of the next look
        self._killed_before = 0
        self._processes: set[int] = set()  # at the last look
        self._replaced: list[float] = []  # the times of the looks in a row that found this
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if Path("/proc/self/statm").exists():
            self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK):
            with contextlib.suppress(OSError):  # too many files are open; the next look may succeed
                self._look()

    def _look(self) -> None:
        if (killed := self._killed()) > self._killed_before:
            self._killed_before = killed
            self._end(Verdict.OVER_MEMORY)
        if (started := time.monotonic()) > self._disk_at:
            if self._disk():
                self._end(Verdict.OVER_DISK)
            ended = time.monotonic()
            self._disk_at = ended + max(DISK_LOOK, min(DISK_MOST, DISK_SHARE * (ended - started)))
        below = processes.descendants(os.getpid())
        if self._are_replaced(below):
            self._end(Verdict.WITHOUT_END)
            return
        # Counting shared memory only once is slow, so it is done only if the quick sum is over the limit.
        if sum(map(memory.resident, below)) > MEMORY and sum(map(memory.proportional, below)) > MEMORY:
            self._end(Verdict.OVER_MEMORY)
        threads = [thread for pid in below for thread in _threads(pid)]
        if sys.platform != "win32" and len(threads) > BUSY and sum(map(_is_running, threads)) > BUSY:
            # Give way to the programs of other submissions, which have deadlines too.
            for thread in threads:
                with contextlib.suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, int(Path(thread).name), LOWEST)

    def _are_replaced(self, below: Collection[int]) -> bool:
        """Return whether many processes have ended and many others have been started, again and again.

        A server with a process for each client starts many at once, but they do not go at the same time.
        """
        before, self._processes = self._processes, set(below)
        replaced = min(len(self._processes - before), len(before - self._processes))
        self._replaced = [*self._replaced, time.monotonic()] if replaced >= REPLACED else []
        return len(self._replaced) >= LOOKS and self._replaced[-1] - self._replaced[0] >= WITHOUT_END


def _threads(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return processes.threads_of(pid)
    return []


def _is_running(thread: str) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return processes.state_of(thread) == "R"
    return False
