"""The user ids of students' programs, if labcheck runs as root: no two gradings on this machine use the same one.

Programs of the same user can kill each other, and share the limit on the number of processes. So a grading locks a file
that belongs to its user id. The operating system releases the lock when the grading ends, no matter how.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import stat
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from labcheck.errors import MachineError
from labcheck.sandbox.locks import lock

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_UID, UIDS = 60_706, 470  # a range of uids that neither Debian nor systemd assigns
PLACES = (Path("/run/labcheck-uids"), Path("/var/tmp/labcheck-uids"))  # the same for every labcheck on this machine
TRIES = 20
FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


@contextlib.contextmanager
def reserved() -> Iterator[int]:
    """Yield a user id that no other grading on this machine uses, and under which no process runs.

    Raises MachineError without one.
    """
    if not _has(FIRST_UID) or not _has(FIRST_UID + UIDS - 1):
        raise MachineError(
            f"this container has no user ids from {FIRST_UID} on, and no student's program runs as root: "
            "run labcheck as an ordinary user"
        )
    with ExitStack() as stack:
        place = _folder()
        stack.callback(os.close, place)
        used = _used()
        # Not from the first one on: a container may share the user ids of its machine, but not the files.
        for uid in random.SystemRandom().sample(range(FIRST_UID, FIRST_UID + UIDS), UIDS):
            if uid in used or _is_somebody(uid):
                continue
            if (descriptor := _lock(place, uid)) is not None:
                stack.callback(os.close, descriptor)
                yield uid
                return
        raise MachineError(f"all user ids for students' programs are in use ({FIRST_UID} to {FIRST_UID + UIDS - 1})")


def kill_all(uid: int) -> None:
    """Kill all processes of a user at once, even if they start new ones all the time (kill(2), pid -1).

    This process must have a single thread.
    """
    for _ in range(TRIES if sys.platform != "win32" else 0):
        child = os.fork()  # type: ignore[attr-defined, unused-ignore]
        if child == 0:
            _kill_all_as(uid)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            return
        # One of them was faster, and has killed the child.


def _kill_all_as(uid: int) -> NoReturn:
    """Become a user, kill all others of its processes, and end."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # it has no other process
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
    os._exit(0)


def _folder() -> int:
    """Return the open folder of the locks. It belongs to root alone. Raises MachineError without one."""
    for place in PLACES:
        with contextlib.suppress(OSError):
            with contextlib.suppress(FileExistsError):
                place.mkdir(0o700)
            descriptor = os.open(place, os.O_RDONLY | FLAGS)
            found = os.fstat(descriptor)
            if stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return descriptor
            os.close(descriptor)
    raise MachineError(f"labcheck cannot reserve user ids in {' or '.join(map(str, PLACES))}: remove what is there")


def _lock(place: int, uid: int) -> int | None:
    """Return the open lock file of a user id, or None if another grading has it."""
    descriptor = os.open(str(uid), os.O_RDWR | os.O_CREAT | FLAGS, 0o600, dir_fd=place)
    try:
        lock(descriptor)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _has(uid: int) -> bool:
    """Return whether a user id exists in this user namespace (user_namespaces(7))."""
    try:
        ranges = [list(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    except OSError:
        return True
    return any(first <= uid < first + number for first, _, number in ranges)


def _is_somebody(uid: int) -> bool:
    """Return whether a user of this machine has this id: universities have many users."""
    if sys.platform != "win32":
        import pwd

        with contextlib.suppress(KeyError):
            return bool(pwd.getpwuid(uid))
    return False


def _used() -> set[int]:
    """Return the user ids of all processes: some may be left of a grading that was killed."""
    found: set[int] = set()
    for name in filter(str.isdecimal, os.listdir("/proc") if Path("/proc").exists() else ()):  # noqa: PTH208, faster
        with contextlib.suppress(OSError, IndexError, ValueError):
            file = os.open(f"/proc/{name}/status", os.O_RDONLY)
            try:
                found.update(map(int, os.read(file, 2048).partition(b"\nUid:")[2].split(b"\n")[0].split()))
            finally:
                os.close(file)
    return found
