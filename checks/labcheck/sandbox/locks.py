"""Locks on open files, which the operating system releases when the process ends, no matter how."""

from __future__ import annotations

import sys


def lock(descriptor: int) -> None:
    """Lock a file until it is closed or this process ends. Raises OSError if another process has locked it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
