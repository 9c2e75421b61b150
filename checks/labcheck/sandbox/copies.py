"""The private copies of a student's folder that its programs run in. The original folder is never changed."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError, UsageError
from labcheck.sandbox.scratch import scratch
from labcheck.submission.limits import SUBMISSION

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.sandbox.base import Sandbox
    from labcheck.workbook.labs import Lab
from labcheck.submission.files import regular_files


class PrivateCopies:
    """Copies of a student's folder and of the files that the lab supplies, in a temporary folder.

    Use it as a context manager: on exit it removes the copies, no matter what a program has done to them. Only
    regular files are copied, and links are not followed.
    """

    def __init__(self, lab: Lab, folder: Path, sandbox: Sandbox) -> None:
        self._lab = lab
        self._folder = folder
        self._sandbox = sandbox
        self._made = 0

    def __enter__(self) -> PrivateCopies:
        self._stack = ExitStack()
        self._top = self._stack.enter_context(scratch())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def _size(self) -> int:
        """The size of the submission in bytes."""
        return sum(file.lstat().st_size for file, _ in regular_files(self._folder))

    def new(self) -> Path:
        """Make a copy: a folder `work` inside a new folder.

        Raises UsageError if the student's folder exceeds the limits of a submission.
        """
        self._made += 1
        place = self._top / str(self._made)
        place.mkdir()
        self._sandbox.make_room(place, self._size)
        work = place / "work"
        work.mkdir()
        _copy_tree(self._folder, work)
        for name in self._lab.supplies:
            _copy_tree(self._lab.starter / name, work / name)
        self._sandbox.hand_over(place)
        return work


def _copy_tree(source: Path, target: Path) -> None:
    """Copy a folder, without overwriting existing files."""
    total = 0
    ready: set[Path] = set()
    for files, (file, relative) in enumerate(regular_files(source), start=1):
        total += file.lstat().st_size
        try:
            SUBMISSION.check(files, total)
        except RefusedError as error:
            raise UsageError(f"{source} cannot be checked: {error}") from error
        to = target / relative
        if to.parent not in ready:
            for parent in (target, *reversed([target / each for each in relative.parents[:-1]])):
                if not parent.is_dir():
                    parent.unlink(missing_ok=True)  # the student has a file where the lab has a folder
                    parent.mkdir()
            ready.add(to.parent)
        if to.is_dir():
            shutil.rmtree(to)
        if not to.exists():
            shutil.copyfile(file, to)
