"""One student's submission as it was received, and packing it for transport."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError
from labcheck.submission.archive import shown
from labcheck.submission.files import regular_files
from labcheck.submission.limits import MAX_STREAM, SUBMISSION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class HandedIn:
    """One student's submission.

    - `label`: the name that the instructor sees.
    - `clues`: what the name of the file or folder says about the student, as pairs of a kind (`name`,
      `compact name`, `id`, `login`, `email`, `github`) and a text.
    - `paths`: one folder, or one or more files.
    - `names`: the original names of the files; empty for a folder.
    """

    label: str
    clues: tuple[tuple[str, str], ...]
    paths: tuple[Path, ...]
    names: tuple[str, ...]

    def read(self) -> tuple[str, bytes]:
        """Return the name and the bytes for `unpack`. A folder or several files are packed as a tar.

        Equal files make an equal tar. Raises RefusedError if the submission is too large or cannot be read.
        """
        try:
            if not self.names:
                return f"{self.label}.tar", pack(self.paths[0])
            if len(self.paths) > 1:
                return f"{self.label}.tar", _tar(zip(self.names, self.paths, strict=True))
            file = self.paths[0]
            if file.stat().st_size > MAX_STREAM:
                raise RefusedError(f"it is larger than {MAX_STREAM >> 20} MiB; submit only the lab's files")
            return self.names[0], file.read_bytes()
        except OSError as error:
            raise RefusedError(f"{shown(str(error.filename))} cannot be read: {error.strerror}") from error


def pack(folder: Path) -> bytes:
    """Return a folder's regular files as a tar. Equal files make an equal tar.

    Raises RefusedError if the folder exceeds the limits of a submission.
    """
    return _tar((relative.as_posix(), file) for file, relative in regular_files(folder))


def _tar(files: Iterable[tuple[str, Path]]) -> bytes:
    """Return a tar of the files, without their owners and times."""
    size = 0
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for count, (name, path) in enumerate(sorted(files), start=1):
            header = tarfile.TarInfo(name)
            header.size = path.stat().st_size
            size += header.size
            SUBMISSION.check(count, size)
            with path.open("rb") as file:
                tar.addfile(header, file)
    return packed.getvalue()
