"""How much memory processes use, as /proc says it: on Linux only, elsewhere it is 0."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from labcheck.sandbox import processes

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def memory_of(pid: int) -> int:
    """Return the bytes of memory that a process and its descendants use; shared memory is counted once."""
    return sum(map(proportional, processes.tree(pid)))


def peak_of(pid: int) -> int:
    """Return the most bytes of memory that a process and its descendants ever had, each by itself, added up.

    It never falls, so memory that was used only for a moment is seen afterwards.
    """
    return sum(_field(Path(f"/proc/{each}/status"), "VmHWM:") for each in processes.tree(pid))


def resident(pid: int) -> int:
    """Return the bytes of memory that a process uses, including shared memory."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(processes.read(f"/proc/{pid}/statm").split()[1]) * PAGE
    return 0


def proportional(pid: int) -> int:
    """Return the bytes of memory that a process uses, with its proportion of shared memory, without files (proc(5))."""
    return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss_Anon:", "Pss_Shmem:")


def _field(file: Path, *names: str) -> int:
    """Return the sum of these lines of a file in /proc, in bytes; 0 if the process is gone."""
    found = 0
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            if line.startswith(names):
                found += int(line.split()[1]) * 1024
    return found
