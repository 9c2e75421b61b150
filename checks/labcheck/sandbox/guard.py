"""The guard of a grading: its programs take no more than their share of the machine.

Limits of the kernel hold for each process (`labcheck.sandbox`); what all of them take together is looked at
here, by /proc (Linux; elsewhere there is no guard).
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY = 1 << 30  # bytes that the programs of a submission may have in memory together
LOOK = 0.1  # seconds between two looks
BUSY = 64  # threads that want to run at the same time; who has more waits behind everybody else
LOWEST = 19  # nice(1)
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Guard:
    """Looks after the processes below this one until it is stopped, and calls back when they take too much memory.

    `killed` tells how many of them the kernel has ended for that.
    """

    def __init__(self, too_much: Callable[[], None], killed: Callable[[], int]) -> None:
        self._too_much = too_much
        self._killed = killed
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_after, daemon=True)
        if Path("/proc/self/statm").exists():
            self._thread.start()

    def stop(self) -> None:
        """Look no longer."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _look_after(self) -> None:
        before = 0
        while not self._stopped.wait(LOOK):
            if (killed := self._killed()) > before:
                before = killed
                self._too_much()
            below = processes.descendants(os.getpid())
            # What processes have in common is counted once, which takes long; so it is done in doubt only.
            if sum(map(_resident, below)) > MEMORY and sum(map(_proportional, below)) > MEMORY:
                self._too_much()
            tasks = [int(task.name) for pid in below for task in _tasks(pid)]
            if sys.platform != "win32" and len(tasks) > BUSY and sum(map(_is_running, tasks)) > BUSY:
                # Honest programs of other submissions have deadlines, too.
                for task in tasks:
                    with contextlib.suppress(OSError):
                        os.setpriority(os.PRIO_PROCESS, task, LOWEST)


def memory_of(pid: int) -> int:
    """Return the bytes that a process and those below it have in memory, what they share counted once."""
    return sum(map(_proportional, [pid, *processes.descendants(pid)]))


def _resident(pid: int) -> int:
    """Return the bytes that a process has in memory, shared ones, too."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return 0


def _proportional(pid: int) -> int:
    """Return the bytes that a process has in memory and that belong to no file, its part of shared ones (proc(5))."""
    found = 0
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                found += int(line.split()[1]) * 1024
    return found


def _tasks(pid: int) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(Path(f"/proc/{pid}/task").iterdir())
    return []


def _is_running(task: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return processes.state_of(Path(f"/proc/{task}")) == "R"
    return False
