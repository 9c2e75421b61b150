"""One student's submission as it was received, and packing it for transport."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError
from labcheck.submission.files import links, read_files, regular_files
from labcheck.submission.limits import SUBMISSION
from labcheck.submission.names import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labcheck.submission.limits import Limits
    from labcheck.workbook.labs import Lab


@dataclass(frozen=True)
class HandedIn:
    """One student's submission.

    - `label`: the name that the instructor sees.
    - `members`: what identifies the student, or each member of a group (see `platforms.downloads.Clues`).
    - `paths`: one folder, or one or more files.
    - `names`: the original names of the files; empty for a folder.
    - `identity`: distinguishes the students of a class who have the same label.
    - `version`: of two submissions of a student, the newer one has the greater version.
    - `note`: what the instructor should know about it.
    - `is_late`, `submitted`: whether the platform calls it late, and when it was submitted (ISO 8601), if known.
    - `problem`: why it cannot be graded, if that is known already.
    """

    label: str
    members: tuple[tuple[tuple[str, str], ...], ...]
    paths: tuple[Path, ...]
    names: tuple[str, ...]
    identity: str = ""
    version: tuple[int, ...] = ()
    note: str = ""
    is_late: bool = False
    submitted: str = ""
    problem: str = ""

    def read(self, lab: Lab, limits: Limits = SUBMISSION) -> tuple[str, bytes]:
        """Return the name and the bytes for `unpack`. A folder or several files are packed as a tar.

        Equal files make an equal tar. Raises RefusedError if the submission is too large or cannot be read, or if a
        program is missing because it is a link, and for its `problem`.
        """
        if self.problem:
            raise RefusedError(self.problem)
        try:
            if not self.names:
                _refuse_links(self.paths[0], lab)
                return f"{self.label}.tar", pack(self.paths[0], limits)
            if len(self.paths) > 1:
                files = zip(self.paths, map(Path, self.names), strict=True)
                return f"{self.label}.tar", _tar(read_files(files, lambda _: True, limits))
            file = self.paths[0]
            if file.stat().st_size > limits.stream:
                raise limits.exceeded(f"is larger than {limits.stream >> 20:,} MiB")
            return self.names[0], file.read_bytes()
        except OSError as error:
            raise RefusedError(f"{shown(str(error.filename))} cannot be read: {error.strerror}") from error


def pack(folder: Path, limits: Limits = SUBMISSION) -> bytes:
    """Return a folder's regular files as a tar. Equal files make an equal tar.

    Hidden files are left out if they cannot be read. Raises RefusedError if the folder exceeds the limits of a
    submission, or if another file cannot be read.
    """
    return _tar(read_files(regular_files(folder), lambda file: not file.name.startswith("."), limits))


def _refuse_links(folder: Path, lab: Lab) -> None:
    """Raise RefusedError if a program is missing because it is a link."""
    linked = {file.name for file in links(folder)} & {program.file for program in lab.programs}
    if linked:
        linked -= {file.name for file, _ in regular_files(folder)}
    for name in sorted(linked):
        raise RefusedError(f"{name} is a link, and no links are followed here; submit the file itself")


def _tar(files: Iterable[tuple[Path, bytes]]) -> bytes:
    """Return a tar of the files, without their owners and times."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in sorted((file.as_posix(), data) for file, data in files):
            header = tarfile.TarInfo(name)
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
    return packed.getvalue()
