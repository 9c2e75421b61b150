"""A control group for the programs of a grading: it also counts memory outside any process (Linux, cgroups(7)).

Files on a tmpfs, socket buffers and unattached shared memory segments do not show up in any process. A control group
counts them, if labcheck is allowed to create one, as root is on most machines. In its own group, a submission also
gets no more CPU time than another, no matter how many processes it starts.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path("/sys/fs/cgroup")
MEMORY = 1280 << 20  # bytes; above the limit of the guard, which can report the reason in words
PROCESSES = 600
ENTER = 'while [ "$1" != -- ]; do { echo 0 > "$1"; } 2>/dev/null; shift; done; shift; exec "$@"'
V1 = {
    "memory": {"memory.limit_in_bytes": MEMORY, "memory.memsw.limit_in_bytes": MEMORY},
    "pids": {"pids.max": PROCESSES},
    "cpu": {},
}
V2 = {"memory.max": MEMORY, "memory.swap.max": 0, "pids.max": PROCESSES}


class Group:
    """A control group with the given name, as far as this process is allowed to create one."""

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
        """Return a command that enters the group and then runs the given command."""
        folders = [str(folder / "cgroup.procs") for folder in self._folders]
        return ["/bin/sh", "-c", ENTER, "sh", *folders, "--", *words] if folders else list(words)

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

    def remove(self) -> None:
        """Remove the group. No process may be left in it."""
        for folder in self._folders:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _make(self, folder: Path, limits: dict[str, int]) -> None:
        with contextlib.suppress(OSError):
            folder.mkdir(exist_ok=True)
            self._folders.append(folder)
        for name, value in limits.items() if folder in self._folders else ():
            with contextlib.suppress(OSError):  # without swap accounting, there is no file for its limit
                (folder / name).write_text(str(value))
