"""The private copies of a student's folder that its programs run in. The original folder is never changed."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError, UsageError
from labcheck.sandbox.scratch import scratch
from labcheck.submission.files import read_files, regular_files

if TYPE_CHECKING:
    from labcheck.sandbox.base import Sandbox
    from labcheck.workbook.labs import Lab


class PrivateCopies:
    """Copies of a student's folder and of the files that the lab supplies, in a temporary folder.

    The student's folder is read once, on entry: all programs of a grading run the same files, even if the student saves
    one of them while it runs. Only regular files are copied; links are followed only without any protection. Use it as
    a context manager: on exit it removes the copies, no matter what a program has done to them.
    """

    def __init__(self, lab: Lab, folder: Path, sandbox: Sandbox) -> None:
        self._lab = lab
        self._folder = folder
        self._sandbox = sandbox
        self._made = 0

    def __enter__(self) -> PrivateCopies:
        """Read the files.

        A file that cannot be read is left out: run by hand, the program could not read it either. Raises UsageError if
        it is one of the programs, or if the files exceed the limits of a submission.
        """
        try:
            self._files = self._read(into_folders=True)
        except RefusedError:
            try:
                self._files = self._read(into_folders=False)  # a link may lead to a large one
            except RefusedError as error:
                raise UsageError(f"{self._folder} cannot be checked: {error}") from error
        for name in self._lab.supplies:
            for file, relative in regular_files(self._lab.starter / name):
                _supply(self._files, name / relative, file.read_bytes())
        self._stack = ExitStack()
        self._top = self._stack.enter_context(scratch())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def source(self, file: str) -> bytes:
        """Return a file of the submission as it was read, no matter what the programs have done; empty without it."""
        return self._files.get(Path(file), b"")

    def _read(self, *, into_folders: bool) -> dict[Path, bytes]:
        programs = {program.file for program in self._lab.programs}
        follow = self._sandbox.follows_links
        theirs = regular_files(self._folder, follow_links=follow, into_folders=into_folders)
        return dict(read_files(theirs, lambda file: file.as_posix() in programs))

    def new(self) -> Path:
        """Make a copy: a folder `work` inside a new folder."""
        self._made += 1
        place = self._top / str(self._made)
        place.mkdir()
        self._sandbox.make_room(place, sum(map(len, self._files.values())))
        work = place / "work"
        work.mkdir()
        for file, data in self._files.items():
            to = work / file
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(data)
        self._sandbox.hand_over(place)
        return work


def _supply(files: dict[Path, bytes], file: Path, data: bytes) -> None:
    """Add one of the lab's files, unless the student has it."""
    for parent in file.parents:
        files.pop(parent, None)  # the student has a file where the lab has a folder
    for inside in [each for each in files if file in each.parents]:
        del files[inside]  # the student has a folder where the lab has a file
    files.setdefault(file, data)
