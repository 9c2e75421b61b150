"""Temporary folders. Those of a labcheck that was killed are removed by the next one.

While a folder is used, a file in it is locked. The operating system releases the lock when the last process that has it
ends, so a folder is removed only if its owner is certainly gone. The control groups of a grading have the name of its
folder, and are removed with it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.sandbox.cgroup import remove_groups
from labcheck.sandbox.locks import lock
from labcheck.submission.files import TEMPORARY, remove_tree, temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = ".labcheck-lock"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a new temporary folder, and remove it at the end, no matter what a program has done to it."""
    folder = temporary_folder()
    try:
        with _locked(folder):
            yield folder
    finally:
        remove_tree(folder)


def clear_abandoned() -> None:
    """Remove this user's temporary folders whose labcheck was killed, and their control groups."""
    for folder in _folders():
        if _is_abandoned(folder):
            remove_groups(folder.name)
            remove_tree(folder)


def _is_abandoned(folder: Path) -> bool:
    """Return whether a folder is one of ours, and no process uses it. No link is followed."""
    try:
        with ExitStack() as stack:
            inside: int | None = None
            if sys.platform != "win32":  # another user cannot put a link in its place in the meantime
                inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
                stack.callback(os.close, inside)
                if os.fstat(inside).st_uid != os.getuid():
                    return False
            name = folder / LOCK if inside is None else LOCK
            descriptor = os.open(name, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), dir_fd=inside)
            stack.callback(os.close, descriptor)
            lock(descriptor)
            return True
    except OSError:  # no such file: not our folder; it cannot be locked: in use
        return False


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a file in the folder locked. It gets its name when it is locked, so that no other process can be first."""
    name = folder / (LOCK if sys.platform == "win32" else f"{LOCK}-new")  # there, an open file cannot be renamed
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with contextlib.suppress(OSError):  # without locks, nothing is ever removed
            lock(descriptor)
            name.replace(folder / LOCK)
        yield
    finally:
        os.close(descriptor)


def _folders() -> list[Path]:
    try:
        with os.scandir(tempfile.gettempdir()) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if entry.name.startswith(TEMPORARY) and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []
