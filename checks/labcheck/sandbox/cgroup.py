"""Control groups for the programs of a grading and for the grader: they also count memory outside any process (Linux).

Files on a tmpfs, socket buffers and unattached shared memory segments do not show up in any process. A control group
counts them, if labcheck is allowed to create one, as root is on most machines. In its own group, a submission also
gets no more CPU time than another, no matter how many processes it starts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from labcheck.sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path("/sys/fs/cgroup")
MEMORY = 1280 << 20  # bytes; above the limit of the guard, which can report the reason in words
PROCESSES = 600
GRADER = 1024 << 20  # bytes; for the process that does the grading, and the files that it writes into memory
GONE_WITHIN = 5.0  # seconds until a killed process must have ended
FOR_GRADER = "-grader"  # at the end of the name of its group
ENTER = 'while [ "$1" != -- ]; do { echo 0 > "$1"; } 2>/dev/null; shift; done; shift; exec "$@"'
# Before a whole process enters, the kernel waits until no other one forks, which takes 10 ms. Before a thread enters it
# does not, but a thread alone may enter any group only in version 1.
PROCESS, THREAD = "cgroup.procs", "tasks"
V1 = {
    "memory": {"memory.limit_in_bytes": MEMORY, "memory.memsw.limit_in_bytes": MEMORY},
    "pids": {"pids.max": PROCESSES},
    "cpu": {},
}
V2 = {"memory.max": MEMORY, "memory.swap.max": 0, "pids.max": PROCESSES}
GRADER_V1 = {"memory": {"memory.limit_in_bytes": GRADER, "memory.memsw.limit_in_bytes": GRADER}}
GRADER_V2 = {"memory.max": GRADER, "memory.swap.max": 0}


class Group:
    """A control group of the grading with the given name, as far as this process is allowed to create one."""

    def __init__(self, name: str, *, for_grader: bool = False) -> None:
        """Create the group: of a student's programs, or of the process that checks them, whose memory alone counts."""
        self._folders: dict[Path, str] = {}  # with the file in which a process with a single thread enters
        name += FOR_GRADER * for_grader
        version_1, version_2 = (GRADER_V1, GRADER_V2) if for_grader else (V1, V2)
        if (ROOT / "cgroup.controllers").exists():
            with contextlib.suppress(OSError):
                (ROOT / "cgroup.subtree_control").write_text("+memory +pids +cpu")
            self._make(ROOT / name, version_2, PROCESS)
        for controller, limits in version_1.items():
            if (ROOT / controller / "cgroup.procs").exists():
                self._make(ROOT / controller / name, limits, THREAD)

    @classmethod
    def existing(cls, name: str, *, for_grader: bool = False) -> Self:
        """Return the group that another process has created."""
        group = cls.__new__(cls)
        name += FOR_GRADER * for_grader
        places = (ROOT / name, *(ROOT / controller / name for controller in V1))
        group._folders = {place: PROCESS for place in places if place.is_dir()}
        return group

    def around(self, words: Sequence[str]) -> list[str]:
        """Return a command that enters the group and then runs the given command."""
        files = [str(folder / name) for folder, name in self._folders.items()]
        return ["/bin/sh", "-c", ENTER, "sh", *files, "--", *words] if files else list(words)

    @property
    def counts_memory(self) -> bool:
        """Whether the group's memory is limited."""
        return any((folder / name).exists() for folder in self._folders for name in ("memory.max", "memory.stat"))

    def killed(self) -> int:
        """Return how many processes the kernel has killed because the group ran out of memory."""
        for folder in self._folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError, ValueError):
                    found = dict(line.split() for line in (folder / name).read_text().splitlines())
                    return int(found.get("oom_kill", 0))
        return 0

    def enter(self) -> None:
        """Put this process, which has a single thread, into the group."""
        for folder, name in self._folders.items():
            with contextlib.suppress(OSError):
                (folder / name).write_text("0")

    def end(self) -> None:
        """Kill all processes in the group, and wait up to GONE_WITHIN seconds for their end. No more can be started."""
        if sys.platform == "win32":
            return
        limit = time.monotonic() + GONE_WITHIN
        for folder in self._folders:
            if (folder / "pids.max").exists():
                with contextlib.suppress(OSError):
                    (folder / "pids.max").write_text("0")  # from now on, none of them can start another one
        for folder in self._folders:
            with contextlib.suppress(OSError, ValueError):  # ValueError: a process that this one does not see
                if (folder / "cgroup.kill").exists():  # since Linux 5.14, version 2 only
                    (folder / "cgroup.kill").write_text("1")
                while (pids := _pids(folder)) and time.monotonic() < limit:
                    for pid in pids:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                    time.sleep(0.0005)

    def remove(self) -> None:
        """Remove the group. No process may be left in it."""
        for folder in self._folders:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _make(self, folder: Path, limits: dict[str, int], entrance: str) -> None:
        with contextlib.suppress(OSError):
            folder.mkdir(exist_ok=True)
            self._folders[folder] = entrance
        for name, value in limits.items() if folder in self._folders else ():
            with contextlib.suppress(OSError):  # without swap accounting, there is no file for its limit
                (folder / name).write_text(str(value))


def remove_groups(name: str) -> None:
    """Remove the control groups of a grading whose own processes have been killed, after ending what is in them."""
    for for_grader in (False, True):
        group = Group.existing(name, for_grader=for_grader)
        group.end()
        group.remove()


def _pids(folder: Path) -> list[int]:
    """Return the processes in a group; a zombie is in it until its parent has waited for it."""
    return [pid for pid in map(int, (folder / "cgroup.procs").read_text().split()) if pid and processes.is_alive(pid)]
