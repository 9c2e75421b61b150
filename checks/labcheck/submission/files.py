"""The files of a submission: list, copy and remove them. Nothing in the student's folder is changed."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError, UsageError
from labcheck.submission.limits import SUBMISSION
from labcheck.submission.names import is_left_out
from labcheck.workbook.places import LAB_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from labcheck.submission.limits import Limits
    from labcheck.workbook.labs import Lab


TEMPORARY = "labcheck-"  # the start of the name of every temporary folder


def is_there(file: Path) -> bool:
    """Return whether a file exists and can be accessed: a program may have removed access to its own folder."""
    try:
        return file.is_file()
    except OSError:
        return False


def is_nobodys(place: Path) -> bool:
    """Return whether a file or folder is no part of a student's work: made by a tool, or a virtual environment."""
    return is_left_out(place.name) or (place / "pyvenv.cfg").exists()


def read_start(file: Path, size: int) -> bytes:
    """Return up to `size` bytes of a file that a program may have replaced; raises OSError if it is no regular file."""
    # Without O_NONBLOCK, opening a named pipe would wait for its other end.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(file, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{file} is not a regular file")
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def copy_new(files: Iterable[tuple[Path, Path]], target: Path) -> Iterator[tuple[Path, bool]]:
    """Copy files, given as by `regular_files`, for a student to edit, without overwriting any file.

    Yields each file's path relative to the target, and whether it was copied (False: the file already existed).
    Raises UsageError if a file cannot be copied.
    """
    for file, relative in files:
        yield relative, copy_if_new(file, target / relative)


def starter_files(lab: Lab) -> Iterator[tuple[Path, Path]]:
    """Yield each file that a student starts a lab with, and its path relative to their folder; not the lab.toml."""
    return ((file, relative) for file, relative in regular_files(lab.starter) if relative != Path(LAB_FILE))


def copy_if_new(file: Path, to: Path) -> bool:
    """Copy a file, unless there is one already, and return whether it was copied. Raises UsageError if it cannot be."""
    if os.path.lexists(to):
        return False
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)
    except OSError as error:
        if in_the_way := _file_in_the_way(to.parent):
            raise UsageError(f"{in_the_way} is not a folder; move it, or give another DIR") from error
        raise UsageError(f"cannot write {to}: {error.strerror}") from error
    return True


def put_back(source: Path, target: Path) -> Path | None:
    """Copy a starter file over the student's; return where theirs is kept, or None if it was the same or missing.

    Raises UsageError if a file cannot be copied.
    """
    kept = None
    try:
        if target.exists() and target.read_bytes() == source.read_bytes():
            return None
        if os.path.lexists(target):
            names = (target.with_name(f"{target.name}.old{number or ''}") for number in count())
            kept = next(place for place in names if not os.path.lexists(place))
            target.rename(kept)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise UsageError(f"cannot replace {target}: {error.strerror}") from error
    return kept


def _file_in_the_way(folder: Path) -> Path | None:
    return next((each for each in (folder, *folder.parents) if os.path.lexists(each) and not each.is_dir()), None)


def remove_tree(folder: Path) -> None:
    """Remove a folder, even if a hostile program made it hard to remove."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        subprocess.run(["rm", "-rf", "--", folder], check=False)
    if folder.exists():  # for example because a folder in it has no write permission
        for parent, folders, _ in os.walk(folder):
            for name in (parent, *(os.path.join(parent, each) for each in folders)):  # noqa: PTH118
                with contextlib.suppress(OSError):  # it belongs to another user, or is gone
                    if not os.path.islink(name):  # noqa: PTH114
                        os.chmod(name, stat.S_IRWXU)  # noqa: PTH101
        shutil.rmtree(folder, ignore_errors=True)


def temporary_folder() -> Path:
    """Make a temporary folder, and return its path without links. No walk through a submission enters it."""
    return Path(tempfile.mkdtemp(prefix=TEMPORARY)).resolve()


def regular_files(
    folder: Path, *, follow_links: bool = False, into_folders: bool = True
) -> Iterator[tuple[Path, Path]]:
    """Yield each regular file in the folder and its subfolders, with its path relative to the folder.

    A link is skipped. With `follow_links`, what it leads to takes its place, except for a folder that contains the
    link, and for all folders without `into_folders`. The system's folder for temporary files is left out: it holds
    labcheck's own copies.
    """
    for here, names in _walk(folder, follow_links=follow_links and into_folders):
        for name in names:
            file = here / name
            if _is_regular(file, follow_links=follow_links):
                yield file, file.relative_to(folder)


def read_files(
    files: Iterable[tuple[Path, Path]], is_needed: Callable[[Path], bool], limits: Limits = SUBMISSION
) -> list[tuple[Path, bytes]]:
    """Return the relative paths of files, given as by `regular_files`, and their contents.

    A file that has been removed since it was listed is left out, and so is one that cannot be read, unless it is
    needed. Raises RefusedError for one that is needed, and if the files exceed the limits of a submission.
    """
    found = []
    size = 0
    for file, relative in files:
        try:
            with file.open("rb") as source:
                data = source.read(limits.bytes + 1)
        except FileNotFoundError:
            continue
        except OSError as error:
            if is_needed(relative):
                raise RefusedError(f"{relative.as_posix()!r} cannot be read: {error.strerror}") from error
            continue
        found.append((relative, data))
        size += len(data)
        limits.check(len(found), size)
    return found


def links(folder: Path) -> Iterator[Path]:
    """Yield the links to files in the folder and its subfolders."""
    for here, names in _walk(folder, follow_links=False):
        yield from (here / name for name in names if (here / name).is_symlink())


def _walk(folder: Path, *, follow_links: bool) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder with the names of its files, both sorted."""
    temporary, top = Path(tempfile.gettempdir()).resolve(), folder.resolve()
    for parent, folders, names in os.walk(folder, followlinks=follow_links):
        here = Path(parent)
        folders[:] = sorted(name for name in folders if not is_nobodys(here / name) and _is_new(here / name, folder))
        if temporary.is_relative_to(top):
            ours = folder / temporary.relative_to(top)
            folders[:] = [
                name for name in folders if here / name != ours and not (here == ours and name.startswith(TEMPORARY))
            ]
        yield here, sorted(name for name in names if not is_left_out(name))


def _is_new(place: Path, top: Path) -> bool:
    """Return whether a folder is no link to a folder that it is in."""
    if not place.is_symlink():
        return True
    target = place.resolve()
    way = [parent for parent in place.parents if parent.is_relative_to(top)]
    return not any(parent.resolve().is_relative_to(target) for parent in way)


def _is_regular(file: Path, *, follow_links: bool) -> bool:
    try:
        return stat.S_ISREG(file.stat(follow_symlinks=follow_links).st_mode)
    except OSError:  # it has just been removed, or it is a link to nothing
        return False
