"""The protection `limits`: resource limits, set by a small program that then becomes the student's program."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from labcheck.errors import UsageError
from labcheck.sandbox import calls, confine
from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.protections import register
from labcheck.sandbox.visible import files_of, installation, interpreters, real

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB = 1 << 20
ADDRESS_SPACE = 4096 * MIB  # bytes; the stack of each thread takes 8 MiB of it, but hardly any memory
PROCESSES = 256  # processes and threads; fifty clients with two threads each are legitimate
FILE_SIZE = 64 * MIB
OPEN_FILES = 1024
CPU_SECONDS = 120


@register
class Limits(Sandbox):
    """Resource limits. If labcheck runs as root, each program also runs as a separate user."""

    name = "limits"
    is_limited = True
    follows_links = False

    def __init__(self, python: str, uid: int | None) -> None:
        self._python = python
        self.uid = uid
        self._limits = resource_limits(_tasks_of_user() if uid is None else 0)

    @classmethod
    def make(cls, python: str, uid: int | None, scratch: Path) -> Self:
        """Return a sandbox. `scratch` is made accessible, because a program of another user reaches its copy there."""
        scratch.chmod(0o711)
        if uid is not None:
            *_, program = files_of(Path(python))
            for path in (program, *interpreters(python)):
                _require_open(path, f"choose a Python that every user can run (--python; this one is {python})")
            _require_open(scratch, "choose another folder for temporary files (TMPDIR)")
        return cls(python, uid)

    def _confined(self, words: Sequence[str], folder: Path) -> list[str]:
        files = self._files(folder)
        rules = {
            "limits": self._limits,
            "uid": self.uid,
            "files": files,
            "port": int(words[-1]),
            "calls": calls.rules(files=files is not None and self.uid is None) if sys.platform == "linux" else [],
        }
        return [sys.executable, "-I", "-S", str(Path(confine.__file__)), json.dumps(rules), *words]

    def _files(self, folder: Path) -> dict[str, Any] | None:
        """Return the files that a program may access. None: all files that its user may access."""
        del folder
        return None

    def environment(self, folder: Path) -> dict[str, str]:
        """Return private folders for the program's home and its temporary files."""
        return {
            "HOME": str(folder),
            "PYTHONUSERBASE": installation(self._python).user_base,
            "TMPDIR": str(folder.parent / "tmp"),
        }

    def make_room(self, place: Path, size: int) -> None:
        """Make the folder of the copy accessible to the program, and create a private tmp folder there."""
        del size
        (place / "tmp").mkdir()
        if self.uid is not None:
            place.parent.chmod(0o711)


def resource_limits(others: int = 0) -> dict[str, int]:
    """Return the resource limits of a program, by their names in prlimit(1).

    `others` are the threads of its user that do not belong to it. No limit is above the one of this process, which
    only some users may exceed.
    """
    import resource  # missing on Windows

    wanted = {
        "as": ADDRESS_SPACE,
        "core": 0,
        "cpu": CPU_SECONDS,
        "fsize": FILE_SIZE,
        "nofile": OPEN_FILES,
        "nproc": PROCESSES + others,
    }
    known = {name: getattr(resource, f"RLIMIT_{name.upper()}", None) for name in wanted}
    hard = {name: resource.getrlimit(number)[1] for name, number in known.items() if number is not None}
    return {
        name: wanted[name] if most == resource.RLIM_INFINITY else min(wanted[name], most) for name, most in hard.items()
    }


def _tasks_of_user() -> int:
    """Return how many threads the current user has: RLIMIT_NPROC counts all of them (getrlimit(2))."""
    import psutil

    uid, threads = os.getuid(), 0
    for process in psutil.process_iter(["uids", "num_threads"]):
        if process.info["uids"] is not None and process.info["uids"].real == uid:
            threads += process.info["num_threads"] or 0
    return threads


def _require_open(path: Path, remedy: str) -> None:
    """Raise UsageError if not every user may enter the folders that lead to a path."""
    for folder in reversed(real(path).parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            raise UsageError(
                f"other users cannot enter {folder}, and no student's program runs as root: {remedy}, "
                f"or open the folder (chmod o+x {folder})"
            )
