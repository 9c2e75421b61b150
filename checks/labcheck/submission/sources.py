"""Reads the Python files of a submission, as far as a result keeps them."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from labcheck.record.sources import Source
from labcheck.submission.files import read_start, regular_files
from labcheck.submission.limits import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

MOST_FILES = 20
LARGEST = 64 * 1024  # bytes of a file whose text is kept: 30 times the size of a lab's solution
ROOM = 2 * LARGEST  # bytes of all texts of a submission


def read_sources(folder: Path, first: Collection[str] = ()) -> list[Source]:
    """Return up to `MOST_FILES` Python files of a folder, sorted by name, those named `first` before all others.

    A file that cannot be read is left out. The text is None if the file is too large, or if there is no room for it.
    """
    files = [(file, relative.as_posix()) for file, relative in regular_files(folder) if file.suffix == ".py"]
    found = []
    left = ROOM
    for file, name in sorted(files, key=lambda each: (each[1] not in first, each[1]))[:MOST_FILES]:
        with contextlib.suppress(OSError):
            data = read_start(file, LARGEST + 1)
            if len(data) > LARGEST:
                data = read_start(file, MAX_BYTES)
            is_kept = len(data) <= min(LARGEST, left)
            left -= len(data) if is_kept else 0
            text = data.decode("utf-8-sig", "replace") if is_kept else None
            found.append(Source(name, hashlib.sha256(data).hexdigest(), text))
    return found
