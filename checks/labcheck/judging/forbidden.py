"""What a check must not do, seen while it does it: take a port that others may need, or change the program it checks.

Python reports both as audit events (`sys.addaudithook`) in the process in which the checks run; the programs of
students run in processes of their own. A hook cannot be removed, so there is one for all runs.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labcheck.workbook.places import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

WRITES = os.O_WRONLY | os.O_RDWR


class ForbiddenError(Exception):
    """A check does what no check must do; the text says why, and what to do instead."""


@dataclass(frozen=True)
class Watched:
    """A run: the folders with its checks, and whether a file is one of the programs that it checks."""

    folders: tuple[Path, ...]
    is_program: Callable[[Path], bool]

    def is_by_check(self, frame: FrameType | None) -> bool:
        """Return whether code of a suite is at work, and not labcheck on behalf of it."""
        while frame is not None:
            file = Path(frame.f_code.co_filename)
            if any(file.is_relative_to(folder) for folder in self.folders):
                return True
            if file.is_relative_to(PACKAGE):
                return False
            frame = frame.f_back
        return False


_watched: list[Watched] = []


@contextlib.contextmanager
def watched(folders: Sequence[Path], is_program: Callable[[Path], bool]) -> Iterator[None]:
    """Raise ForbiddenError in a check of these folders that does what it must not, during the block."""
    _install()
    _watched.append(Watched(tuple(folders), is_program))
    try:
        yield
    finally:
        _watched.pop()


@functools.cache
def _install() -> None:
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    """Look at an event; there are thousands of them, and hardly any of these two kinds."""
    if event == "socket.bind":
        _bind(arguments[1], sys._getframe(1))
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES:
        _write(arguments[0], sys._getframe(1))


def _bind(address: object, frame: FrameType) -> None:
    port = address[1] if isinstance(address, tuple) and len(address) > 1 else 0
    if port and any(each.is_by_check(frame) for each in _watched):
        raise ForbiddenError(
            f"the check binds port {port}, which may be in use: submissions are checked side by side; "
            "bind port 0, and the system chooses a free one"
        )


def _write(place: object, frame: FrameType) -> None:
    if not _watched or not isinstance(place, str | bytes | os.PathLike):
        return
    file = Path(os.fsdecode(place))
    if any(each.is_program(file) and each.is_by_check(frame) for each in _watched):
        raise ForbiddenError(
            f"the check writes {file.name}, the program that it checks; leave it as it was submitted, "
            "and write other files only"
        )
