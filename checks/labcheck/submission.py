"""A student's work: found in a folder, and copied, so that nothing of theirs is touched."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labcheck.sandbox import Sandbox
    from labcheck.workbook import Lab

MAX_FILES = 5_000
MAX_BYTES = 200 * 1024 * 1024
LEFT_OUT = {"__pycache__", "node_modules", ".git", ".hg", ".svn", ".idea", ".vscode"}


def find_folder(lab: Lab, given: str | None) -> Path:
    """Return the folder with the student's programs: the one given, that of the program given, or the usual places.

    Raises UsageError where it has none of the lab's programs.
    """
    files = [program.file for program in lab.programs]
    if given is not None and Path(given).name in files and Path(given).is_file():
        return Path(given).resolve().parent
    places = [Path(given)] if given is not None else [Path(lab.name), Path(), Path("labs") / lab.name]
    for place in places:
        if any((place / file).is_file() for file in files):
            return place.resolve()
    if given is None:
        raise UsageError(
            f"there is no {' or '.join(files)} here, nor in {lab.name}/; "
            f"`labcheck start {lab.name}` makes the folder, or name it: labcheck {lab.name} DIR"
        )
    place = places[0]
    if place.is_dir():
        raise UsageError(f"{given} has no {' or '.join(files)}; give the folder that holds it")
    if place.exists():
        raise UsageError(f"{given} is a file; give the folder that holds {' or '.join(files)}")
    raise UsageError(f"there is no folder {given}")


def is_there(file: Path) -> bool:
    """Return whether a file is there and can be reached: a program may have shut its own folder."""
    try:
        return file.is_file()
    except OSError:
        return False


def is_packed(lab: Lab, place: Path) -> bool:
    """Return whether a place is a file that was handed in: an archive, a notebook, a program under another name."""
    return place.is_file() and place.name not in {program.file for program in lab.programs}


class PrivateCopies:
    """Copies of a student's folder, with what the lab supplies, in a temporary folder of our own.

    As a context manager it removes them in the end, whatever a program has done to them. Only
    regular files are copied, and no link is followed.
    """

    def __init__(self, lab: Lab, folder: Path, sandbox: Sandbox) -> None:
        self._lab = lab
        self._folder = folder
        self._sandbox = sandbox
        self._made = 0

    def __enter__(self) -> PrivateCopies:
        self._top = Path(tempfile.mkdtemp(prefix="labcheck-")).resolve()
        return self

    def __exit__(self, *_: object) -> None:
        remove_tree(self._top)

    @cached_property
    def _size(self) -> int:
        """The bytes of what was handed in."""
        return sum(file.lstat().st_size for file, _ in regular_files(self._folder))

    def new(self) -> Path:
        """Make a copy: a folder `work`, in a folder of its own.

        Raises UsageError where the student's folder has more than MAX_FILES files or MAX_BYTES bytes.
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


def copy_new(source: Path, target: Path) -> Iterator[tuple[Path, bool]]:
    """Copy a lab's files for a student to edit, never over a file.

    Yields each file's path below the target, and whether it was copied (False: it was there).
    """
    for file, relative in regular_files(source):
        to = target / relative
        if os.path.lexists(to):
            yield relative, False
            continue
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)
        yield relative, True


def remove_tree(folder: Path) -> None:
    """Remove a folder that a hostile program may have made hard to remove."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        subprocess.run(["rm", "-rf", "--", folder], check=False)
    if folder.exists():  # a folder without write permission, say
        for parent, folders, _ in os.walk(folder):
            for name in (parent, *(os.path.join(parent, each) for each in folders)):  # noqa: PTH118
                if not os.path.islink(name):  # noqa: PTH114
                    os.chmod(name, stat.S_IRWXU)  # noqa: PTH101
        shutil.rmtree(folder, ignore_errors=True)


def _copy_tree(source: Path, target: Path) -> None:
    """Copy a folder; a file that is there already stays."""
    total = 0
    ready: set[Path] = set()
    for files, (file, relative) in enumerate(regular_files(source), start=1):
        total += file.lstat().st_size
        if files > MAX_FILES or total > MAX_BYTES:
            raise UsageError(
                f"{source} holds more than {MAX_FILES:,} files or {MAX_BYTES >> 20} MiB; "
                "give a folder with the lab's files only"
            )
        to = target / relative
        if to.parent not in ready:
            for parent in (target, *reversed([target / each for each in relative.parents[:-1]])):
                if not parent.is_dir():
                    parent.unlink(missing_ok=True)  # a file where the lab has a folder
                    parent.mkdir()
            ready.add(to.parent)
        if to.is_dir():
            shutil.rmtree(to)
        if not to.exists():
            shutil.copyfile(file, to)


def regular_files(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each regular file below the folder, and its path relative to it."""
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = sorted(
            name for name in folders if name not in LEFT_OUT and not (here / name / "pyvenv.cfg").exists()
        )
        for name in sorted(names):
            file = here / name
            if stat.S_ISREG(file.lstat().st_mode) and not name.endswith(".pyc"):
                yield file, file.relative_to(folder)
