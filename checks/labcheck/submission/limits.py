"""Limits on the size of a submission, and of an archive with the submissions of a class."""

from __future__ import annotations

from dataclasses import dataclass

from labcheck.errors import RefusedError

MAX_FILES = 5_000  # files and folders
MAX_ENTRIES = 20_000  # including entries that are left out
MAX_BYTES = 32 * 1024 * 1024
MAX_STREAM = 4 * MAX_BYTES  # the size of an archive, and of an unpacked tar with the entries that are left out


@dataclass(frozen=True)
class Limits:
    """The limits on an archive.

    - `files`: number of files and folders.
    - `entries`: number of entries, including those that are left out.
    - `bytes`: size of all files together.
    - `stream`: size of the whole unpacked tar.
    - `bulk`: whether it contains the submissions of a class: then links are left out, and strange names are changed.
    """

    files: int
    entries: int
    bytes: int
    stream: int
    bulk: bool = False

    def check(self, files: int, size: int) -> None:
        """Raise RefusedError if the number of files or bytes exceeds the limit."""
        if files > self.files:
            raise RefusedError(f"it contains more than {self.files:,} files and folders; submit only the lab's files")
        if size > self.bytes:
            raise RefusedError(f"it contains more than {self.bytes >> 20} MiB; submit only the lab's files")


SUBMISSION = Limits(MAX_FILES, MAX_ENTRIES, MAX_BYTES, MAX_STREAM)
