"""The results of a class: one JSON line each in a file that is only ever appended to.

A line is written when its grading has ended, and is whole or not there: what a killed run has left of a line
is cut off by the next. Of two lines with one key the later counts.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.record.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Results:
    """The file of results in a folder; nobody else writes to it while this object is open."""

    def __init__(self, folder: Path, name: str = "results") -> None:
        """Open the file, and make it where there is none. Raises UsageError where that cannot be."""
        self.file = folder / f"{name}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise UsageError(f"cannot write {self.file}: {error.strerror}") from error
        try:
            _lock(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            raise UsageError(f"another labcheck is at work on {self.file}; let it end, or name another --out") from None
        self._cut()

    def _cut(self) -> None:
        """Cut off what a run that was killed has left of a line."""
        size = os.fstat(self._descriptor).st_size
        end = size
        while end:
            start = max(0, end - 65536)
            os.lseek(self._descriptor, start, os.SEEK_SET)
            found = os.read(self._descriptor, end - start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._descriptor, end)

    def add(self, result: Result) -> None:
        """Append a result; it is in the file when this returns."""
        data = result.to_json().encode()
        while data:
            data = data[os.write(self._descriptor, data) :]

    def close(self) -> None:
        """Let others write."""
        os.close(self._descriptor)


def read(folder: Path) -> Iterator[Result]:
    """Yield the results in a folder and those below it, a file at a time.

    Raises UsageError for a line that is none of this version.
    """
    for file in sorted(folder.rglob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith("\n"):
                    break  # of a run that goes on, or was killed
                try:
                    yield Result.from_json(line)
                except ValueError as error:
                    raise UsageError(f"{file}, line {number}: {error}") from error


def _lock(descriptor: int) -> None:
    """Lock a file until it is closed, or this process ends in whatever way. Raises OSError where somebody has it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
