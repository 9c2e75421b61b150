"""Limits on the size of a submission, and of an archive with the submissions of a class.

The guide for instructors has a table of them. They keep a small archive from filling the disk, and a large class from
being stopped by one submission.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from labcheck.errors import RefusedError

MAX_FILES = 5_000  # files and folders
MAX_ENTRIES = 20_000  # including entries that are left out
MAX_BYTES = 32 * 1024 * 1024
MAX_STREAM = 4 * MAX_BYTES  # the size of an archive, and of an unpacked tar with the entries that are left out
ADVICE = "submit only the lab's files"


@dataclass(frozen=True)
class Limits:
    """The limits on an archive.

    - `files`: number of files and folders.
    - `entries`: number of entries, including those that are left out.
    - `bytes`: size of all files together.
    - `stream`: size of the whole unpacked tar.
    - `bulk`: whether it contains the submissions of a class: then links are left out, and strange names are changed.
    - `factor`: by what the instructor has multiplied them.
    """

    files: int
    entries: int
    bytes: int
    stream: int
    bulk: bool = False
    factor: float = 1.0

    def times(self, factor: float) -> Limits:
        """Return higher limits, or lower ones."""
        files, entries, size, stream = (
            int(each * factor) for each in (self.files, self.entries, self.bytes, self.stream)
        )
        return replace(self, files=files, entries=entries, bytes=size, stream=stream, factor=self.factor * factor)

    def check(self, files: int, size: int) -> None:
        """Raise RefusedError if the number of files or bytes exceeds the limit."""
        if files > self.files:
            raise self.exceeded(f"contains more than {self.files:,} files and folders")
        if size > self.bytes:
            raise self.exceeded(f"contains more than {self.bytes >> 20:,} MiB")

    def exceeded(self, what: str) -> RefusedError:
        """Return the error for a submission or an archive that exceeds a limit, with what can be done about it."""
        more = f"labcheck grade --limits {2 * self.factor:g} allows twice as much"
        return RefusedError(f"it {what}; {more if self.bulk else f'{ADVICE} ({more})'}")


SUBMISSION = Limits(MAX_FILES, MAX_ENTRIES, MAX_BYTES, MAX_STREAM)
CLASS = Limits(files=200_000, entries=400_000, bytes=8 << 30, stream=16 << 30, bulk=True)
