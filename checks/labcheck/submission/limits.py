"""How much may be handed in: alone, in a class, and in the archive that holds a class."""

from __future__ import annotations

from dataclasses import dataclass

from labcheck.errors import RefusedError

MAX_FILES = 5_000  # and folders
MAX_ENTRIES = 20_000  # with those that are left out
MAX_BYTES = 32 * 1024 * 1024
MAX_STREAM = 4 * MAX_BYTES  # what an archive may take, and a tar come to, with what is left out


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold.

    `files` counts folders, too, and `entries` also what is left out; `bytes` are those of all files together,
    and `stream` those of a whole tar. A `bulk` archive holds the submissions of many: only `__MACOSX` and links
    are left out of it.
    """

    files: int
    entries: int
    bytes: int
    stream: int
    bulk: bool = False

    def check(self, files: int, size: int) -> None:
        """Raise RefusedError where so many files or bytes are too many."""
        if files > self.files:
            raise RefusedError(f"it holds more than {self.files:,} files and folders; hand in the lab's files only")
        if size > self.bytes:
            raise RefusedError(f"it holds more than {self.bytes >> 20} MiB; hand in the lab's files only")


SUBMISSION = Limits(MAX_FILES, MAX_ENTRIES, MAX_BYTES, MAX_STREAM)
