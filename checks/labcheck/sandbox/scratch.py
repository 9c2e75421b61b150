"""Temporary folders. Those of a labcheck that was killed are removed by the next one.

While a folder is used, a file in it is locked. The operating system releases the lock when the last process that has it
ends, so a folder is removed only if its owner is certainly gone.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

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
    """Remove this user's temporary folders whose labcheck was killed."""
    for folder in _folders():
        with contextlib.suppress(OSError):  # no lock file: not our folder; still locked: in use
            descriptor = os.open(folder / LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
            try:
                lock(descriptor)
            finally:
                os.close(descriptor)
            remove_tree(folder)


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
                if entry.name.startswith(TEMPORARY) and entry.is_dir(follow_symlinks=False) and _is_mine(entry)
            ]
    except OSError:
        return []


def _is_mine(entry: os.DirEntry[str]) -> bool:
    return not hasattr(os, "getuid") or entry.stat(follow_symlinks=False).st_uid == os.getuid()
