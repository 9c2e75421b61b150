"""The files of a submission: list, copy and remove them. Nothing in the student's folder is changed."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


LEFT_OUT = {"__pycache__", "node_modules", ".git", ".hg", ".svn", ".idea", ".vscode"}


def is_there(file: Path) -> bool:
    """Return whether a file exists and can be accessed: a program may have removed access to its own folder."""
    try:
        return file.is_file()
    except OSError:
        return False


def copy_new(source: Path, target: Path) -> Iterator[tuple[Path, bool]]:
    """Copy a lab's files for a student to edit, without overwriting any file.

    Yields each file's path relative to the target, and whether it was copied (False: the file already existed).
    Raises UsageError if a file cannot be copied.
    """
    for file, relative in regular_files(source):
        to = target / relative
        if os.path.lexists(to):
            yield relative, False
            continue
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, to)
        except OSError as error:
            if in_the_way := _file_in_the_way(to.parent):
                raise UsageError(f"{in_the_way} is not a folder; move it, or give another DIR") from error
            raise UsageError(f"cannot write {to}: {error.strerror}") from error
        yield relative, True


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
                if not os.path.islink(name):  # noqa: PTH114
                    os.chmod(name, stat.S_IRWXU)  # noqa: PTH101
        shutil.rmtree(folder, ignore_errors=True)


def regular_files(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each regular file in the folder and its subfolders, with its path relative to the folder."""
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = sorted(
            name for name in folders if name not in LEFT_OUT and not (here / name / "pyvenv.cfg").exists()
        )
        for name in sorted(names):
            file = here / name
            if stat.S_ISREG(file.lstat().st_mode) and not name.endswith(".pyc"):
                yield file, file.relative_to(folder)
