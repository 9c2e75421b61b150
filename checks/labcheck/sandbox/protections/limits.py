"""Limits on what a program takes, put on by a small program that becomes the student's."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from labcheck.sandbox import confine
from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.protections import register

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB = 1 << 20
ADDRESS_SPACE = 4096 * MIB  # bytes; a thread's stack takes 8 MiB of it, and hardly any memory
PROCESSES = 256  # and threads; fifty clients with two threads each are no misuse
FILE_SIZE = 64 * MIB
OPEN_FILES = 1024
CPU_SECONDS = 120
FIRST_UID, UIDS = 60_706, 470  # a range that neither Debian nor systemd gives to anybody


@register
class Limits(Sandbox):
    """Limits, and as root a user of its own."""

    name = "limits"
    is_limited = True

    def __init__(self, python: str, number: int) -> None:
        self._python = python
        self._limits = resource_limits()
        if os.name == "posix" and os.getuid() == 0:
            # Root without any capability, where its Python is in a folder that nobody else may enter.
            self.uid = FIRST_UID + number % UIDS if _is_open_to_all(Path(python)) else 0
        else:
            self._limits["nproc"] += _tasks_of_user()

    @classmethod
    def make(cls, python: str, number: int, scratch: Path) -> Self:
        """Return one; a program of another user reaches its copy through `scratch`."""
        scratch.chmod(0o711)
        return cls(python, number)

    def _confined(self, words: Sequence[str], folder: Path) -> list[str]:
        rules = {"limits": self._limits, "uid": self.uid, "files": self._files(folder), "port": int(words[-1])}
        return [sys.executable, "-I", "-S", str(Path(confine.__file__)), json.dumps(rules), *words]

    def _files(self, folder: Path) -> dict[str, Any] | None:
        """Return which files a program may reach; None: those that its user may."""
        del folder
        return None

    def environment(self, folder: Path) -> dict[str, str]:
        """Return a home and a place for temporary files that are the program's own."""
        return {"HOME": str(folder), "TMPDIR": str(folder.parent / "tmp")}

    def make_room(self, place: Path, size: int) -> None:
        """Let the program reach the place of its copy, and have a /tmp of its own there."""
        del size
        (place / "tmp").mkdir()
        if self.uid is not None:
            place.parent.chmod(0o711)


def resource_limits() -> dict[str, int]:
    """Return the limits of a program, by the names of prlimit(1)."""
    return {
        "as": ADDRESS_SPACE,
        "core": 0,
        "cpu": CPU_SECONDS,
        "fsize": FILE_SIZE,
        "nofile": OPEN_FILES,
        "nproc": PROCESSES,
    }


def _tasks_of_user() -> int:
    """Return how many threads the user has now: RLIMIT_NPROC counts all of them (getrlimit(2))."""
    import psutil

    uid, threads = os.getuid(), 0
    for process in psutil.process_iter(["uids", "num_threads"]):
        if process.info["uids"] is not None and process.info["uids"].real == uid:
            threads += process.info["num_threads"] or 0
    return threads


def _is_open_to_all(file: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in file.resolve().parents)
