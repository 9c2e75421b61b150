"""What one student handed in, and packing it for travel."""

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
    """What one student handed in.

    `label` is what the instructor knows it by. `clues` are what its name says of the student, as pairs
    of a kind (`name`, `compact name`, `id`, `login`, `email`, `github`) and a text. `paths` are one folder,
    or files; `names` are the original names of the files.
    """

    label: str
    clues: tuple[tuple[str, str], ...]
    paths: tuple[Path, ...]
    names: tuple[str, ...]

    def read(self) -> tuple[str, bytes]:
        """Return the name and the bytes that `unpack` takes: a folder, or several files, as a tar.

        Equal files make an equal tar. Raises RefusedError where there is too much of it.
        """
        try:
            if not self.names:
                return f"{self.label}.tar", pack(self.paths[0])
            if len(self.paths) > 1:
                return f"{self.label}.tar", _tar(zip(self.names, self.paths, strict=True))
            file = self.paths[0]
            if file.stat().st_size > MAX_STREAM:
                raise RefusedError(f"it has more than {MAX_STREAM >> 20} MiB; hand in the lab's files only")
            return self.names[0], file.read_bytes()
        except OSError as error:
            raise RefusedError(f"{shown(str(error.filename))} cannot be read: {error.strerror}") from error


def pack(folder: Path) -> bytes:
    """Return a folder's plain files as a tar, the same for the same files.

    Raises RefusedError where it holds more than a submission may.
    """
    return _tar((relative.as_posix(), file) for file, relative in regular_files(folder))


def _tar(files: Iterable[tuple[str, Path]]) -> bytes:
    """Return a tar of the files: their owner and times stay behind."""
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
