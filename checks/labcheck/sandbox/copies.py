"""The private copies of a student's folder that its programs run in. The original folder is never changed."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import NotReadyError, RefusedError, UsageError, Verdict
from labcheck.sandbox.scratch import scratch
from labcheck.submission.files import read_files, regular_files, remove_tree
from labcheck.submission.limits import SUBMISSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from labcheck.sandbox.base import Sandbox
    from labcheck.submission.limits import Limits
    from labcheck.workbook.labs import Lab

ENTRY = 4096  # bytes that a file takes at least
MOST_WRITTEN = 256 << 20  # bytes that all programs of a submission may write, in addition to the submission
MOST_FILES = 20_000  # and files that they may make
GONE = "your program has removed, renamed or replaced its own folder"


class PrivateCopies:
    """Copies of a student's folder and of the files that the lab supplies, in a temporary folder.

    The student's folder is read once, on entry: all programs of a grading run the same files, even if the student saves
    one of them while it runs. Only regular files are copied; links are followed only without any protection. Use it as
    a context manager: on exit it removes the copies, no matter what a program has done to them.

    A program may do anything to the copy that it runs in: rename it, remove it, or put a link in its place, which leads
    to another place for each process that follows it. So each copy is opened once, when it is new, and programs are
    started in what was opened then.
    """

    def __init__(self, lab: Lab, folder: Path, sandbox: Sandbox, limits: Limits = SUBMISSION) -> None:
        self._lab = lab
        self._folder = folder
        self._sandbox = sandbox
        self._limits = limits
        self._made = 0
        self._removed: set[Path] = set()
        self._opened: dict[Path, int] = {}  # a descriptor of each copy
        self._names = {Path(program.file).name for program in lab.programs}

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
        _supply(self._files, {file: (self._lab.starter / file).read_bytes() for file in self._lab.supplied()})
        self._stack = ExitStack()
        self._top = self._stack.enter_context(scratch())
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._opened.values():
            os.close(descriptor)
        self._stack.close()

    def source(self, file: str) -> bytes:
        """Return a file of the submission as it was read, no matter what the programs have done; empty without it."""
        return self._files.get(Path(file), b"")

    def is_program(self, file: Path) -> bool:
        """Return whether a file is one of the lab's programs in a copy."""
        if file.name not in self._names:
            return False
        with suppress(ValueError):
            _, work, *inside = file.absolute().relative_to(self._top).parts
            return work == "work" and "/".join(inside) in {program.file for program in self._lab.programs}
        return False

    def _read(self, *, into_folders: bool) -> dict[Path, bytes]:
        programs = {program.file for program in self._lab.programs}
        follow = self._sandbox.follows_links
        theirs = regular_files(self._folder, follow_links=follow, into_folders=into_folders)
        return dict(read_files(theirs, lambda file: file.as_posix() in programs, self._limits))

    def new(self, add: Callable[[Path], object] | None = None) -> Path:
        """Make a copy: a folder `work` inside a new folder. `add` puts more files into it.

        Everything is in place before any program gets access to the copy. Raises OSError if it cannot be made.
        """
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
        if add is not None:
            add(work)
        if sys.platform != "win32":
            self._opened[work] = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        self._sandbox.hand_over(place)
        return work

    def way_into(self, work: Path) -> Path:
        """Return the path by which a program enters a copy: on Linux it leads there no matter what is in its place.

        Raises NotReadyError if the copy itself is not in its place any more.
        """
        if not self.is_intact(work):
            raise NotReadyError(Verdict.NOT_STARTED, GONE)
        return Path(f"/proc/self/fd/{self._opened[work]}") if sys.platform == "linux" else work

    def room(self) -> int:
        """Return how many bytes are free on the disk with the copies; each file that can be made counts as a few."""
        if sys.platform == "win32":
            return shutil.disk_usage(self._top).free
        found = os.statvfs(self._top)
        return found.f_bavail * found.f_frsize + found.f_favail * ENTRY

    def hold_too_much(self, pids: Iterable[int]) -> bool:
        """Return whether the programs have written more into the copies than MOST_WRITTEN or MOST_FILES.

        `pids` are their processes: a file that one of them has removed takes up space as long as it is open (Linux).
        What labcheck cannot read is not counted.
        """
        size = sum(ENTRY + len(data) for data in self._files.values())
        copies = self._made - len(self._removed)
        room = MOST_WRITTEN + copies * size
        files = MOST_FILES + copies * len(self._files)
        room -= _removed_but_open(pids, self._top.stat().st_dev)
        folders = [str(self._top)]
        while folders:
            with suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    with suppress(OSError):
                        room -= _size_on_disk(entry.stat(follow_symlinks=False))
                        files -= 1
                        if room < 0 or files < 0:
                            return True
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
        return False

    def remove(self, work: Path) -> None:
        """Remove a copy in which no program will run any more; it may have been removed before."""
        if work not in self._removed:
            self._removed.add(work)
            if (descriptor := self._opened.pop(work, None)) is not None:
                os.close(descriptor)
            remove_tree(work.parent)

    def clear(self) -> int:
        """Remove all copies, and return how many there were."""
        found = [place for number in range(1, self._made + 1) if (place := self._top / str(number)).exists()]
        for place in found:
            remove_tree(place)
        return len(found)

    def holds(self, work: Path, file: str) -> bool:
        """Return whether a file is still in its copy; a link that a program has put in its place does not count."""
        with suppress(OSError):
            return self.is_intact(work) and stat.S_ISREG((work / file).stat(follow_symlinks=False).st_mode)
        return False

    def is_intact(self, work: Path) -> bool:
        """Return whether a copy is still the folder that it was made as, in the same place."""
        with suppress(OSError):
            found = work.stat(follow_symlinks=False)
            if work not in self._opened:
                return stat.S_ISDIR(found.st_mode)
            made = os.fstat(self._opened[work])
            return (found.st_dev, found.st_ino) == (made.st_dev, made.st_ino)
        return False


def _size_on_disk(found: os.stat_result) -> int:
    return getattr(found, "st_blocks", 0) * 512  # missing on Windows


def _removed_but_open(pids: Iterable[int], device: int) -> int:
    """Return the bytes of the files on a device that have no name any more, and that one of these processes has open.

    Looks at /proc, which only Linux has.
    """
    sizes: dict[int, int] = {}  # by inode: several processes may have opened the same file
    for pid in pids:
        with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as opened:
            for each in opened:
                with suppress(OSError):
                    found = os.stat(each.path)  # noqa: PTH116
                    if found.st_nlink == 0 and found.st_dev == device and stat.S_ISREG(found.st_mode):
                        sizes[found.st_ino] = _size_on_disk(found)
    return sum(sizes.values())


def _supply(files: dict[Path, bytes], supplied: dict[Path, bytes]) -> None:
    """Add the lab's files, except those that the student has."""
    for folder in {parent for file in supplied for parent in file.parents}:
        files.pop(folder, None)  # the student has a file where the lab has a folder
    for file in list(files):
        if not supplied.keys().isdisjoint(file.parents):
            del files[file]  # the student has a folder where the lab has a file
    for file, data in supplied.items():
        files.setdefault(file, data)
