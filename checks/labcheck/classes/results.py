"""The results of a class: one line of JSON per result, in a file that is only appended to.

Only files with our own names are read: a folder of results may hold other files. A line is written when its grading has
ended. If a run is killed while writing a line, the next run removes the
incomplete line. If two lines have the same key, the later one counts.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.record.result import Result
from labcheck.sandbox.locks import lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = re.compile(r"results(-\d+-of-\d+)?\.jsonl")  # of the whole class, or of a part of it


class Results:
    """The results file in a folder. While it is open, no other process can write to it."""

    def __init__(self, folder: Path, name: str = "results") -> None:
        """Open the file, or create it. Raises UsageError if it cannot be written, or another labcheck has it open."""
        self.file = folder / f"{name}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise UsageError(f"cannot write {self.file}: {error.strerror}") from error
        try:
            lock(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            raise UsageError(
                f"another labcheck is writing to {self.file}; wait until it has finished, or give another --out"
            ) from None
        self._cut()

    def _cut(self) -> None:
        """Remove an incomplete last line, left by a run that was killed."""
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
        """Append a result. It is in the file when this method returns. Raises UsageError if it cannot be written."""
        data = result.to_json().encode()
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            raise UsageError(
                f"cannot write {self.file}: {error.strerror}; what is graded so far is kept, so once this is solved, "
                "run the same command again"
            ) from error

    def close(self) -> None:
        """Close the file, so that other processes can write to it."""
        os.close(self._descriptor)


def read(folder: Path) -> Iterator[Result]:
    """Yield the results in a folder and its subfolders, file by file.

    Raises UsageError for a line that this version cannot read.
    """
    for file in sorted(each for each in folder.rglob("*.jsonl") if NAME.fullmatch(each.name)):
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith("\n"):
                    break  # incomplete: the run is still writing it, or was killed
                try:
                    yield Result.from_json(line)
                except ValueError as error:
                    raise UsageError(f"{file}, line {number}: {error}") from error
