"""A control group for the programs of a grading: memory that no process has counts, too (Linux, cgroups(7)).

What a file system in memory holds, a buffer of a socket, a segment that nobody has attached, can be seen in no
process. Whoever may make control groups, as root may on most machines, has it counted; in a group of its own a
submission also gets no more time than another, however many processes it starts.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path("/sys/fs/cgroup")
MEMORY = 1280 << 20  # bytes; a guard watches what its processes have, which is told in words
PROCESSES = 600
ENTER = 'while [ "$1" != -- ]; do { echo 0 > "$1"; } 2>/dev/null; shift; done; shift; exec "$@"'
V1 = {
    "memory": {"memory.limit_in_bytes": MEMORY, "memory.memsw.limit_in_bytes": MEMORY},
    "pids": {"pids.max": PROCESSES},
    "cpu": {},
}
V2 = {"memory.max": MEMORY, "memory.swap.max": 0, "pids.max": PROCESSES}


class Group:
    """A group of that name, as far as this process may make one."""

    def __init__(self, name: str) -> None:
        self._folders: list[Path] = []
        if (ROOT / "cgroup.controllers").exists():
            with contextlib.suppress(OSError):
                (ROOT / "cgroup.subtree_control").write_text("+memory +pids +cpu")
            self._make(ROOT / name, V2)
        for controller, limits in V1.items():
            if (ROOT / controller / "cgroup.procs").exists():
                self._make(ROOT / controller / name, limits)

    def around(self, words: Sequence[str]) -> list[str]:
        """Return the command that goes into the group, and then becomes another command."""
        folders = [str(folder / "cgroup.procs") for folder in self._folders]
        return ["/bin/sh", "-c", ENTER, "sh", *folders, "--", *words] if folders else list(words)

    @property
    def counts_memory(self) -> bool:
        """Whether the group's memory is limited."""
        return any((folder / name).exists() for folder in self._folders for name in ("memory.max", "memory.stat"))

    def killed(self) -> int:
        """Return how many processes the kernel has ended, as memory ran out in the group."""
        for folder in self._folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError, ValueError):
                    found = dict(line.split() for line in (folder / name).read_text().splitlines())
                    return int(found.get("oom_kill", 0))
        return 0

    def remove(self) -> None:
        """Remove the group, in which no process lives any more."""
        for folder in self._folders:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _make(self, folder: Path, limits: dict[str, int]) -> None:
        with contextlib.suppress(OSError):
            folder.mkdir(exist_ok=True)
            self._folders.append(folder)
        for name, value in limits.items() if folder in self._folders else ():
            with contextlib.suppress(OSError):  # a machine without swap has no limit on it
                (folder / name).write_text(str(value))
