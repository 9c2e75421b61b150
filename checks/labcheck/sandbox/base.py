"""What a program that is judged is started in, and how much it may take."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from labcheck.sandbox.cgroup import Group


class Sandbox:
    """What a program is started in. This one keeps it from nothing: it is started as its user would start it.

    `strength` orders the protections, and a class is graded under one that has any; `is_limited` says whether
    memory and processes are limited, and so are watched.
    """

    name = "none"
    strength = 0
    is_limited = False
    tools: tuple[str, ...] = ()  # programs that have to be installed
    group: Group | None = None  # the control group of the grading
    uid: int | None = None  # whom the program runs as; None: as we do

    @classmethod
    def make(cls, python: str, number: int, scratch: Path) -> Self:
        """Return one for programs that a Python runs; `number` is no other grading's of the moment.

        `scratch` is a folder of the grading's own.
        """
        del python, number, scratch
        return cls()

    @classmethod
    def surround(cls) -> None:
        """Prepare this process, so that the one that judges can be its child. Raises OSError where that cannot be."""

    @classmethod
    def settle(cls, scratch: Path) -> Path:
        """Prepare this process, which judges, and return the folder for its files. Raises OSError."""
        return scratch

    def missing(self) -> str:
        """Return what this machine lacks, as far as it can be seen without trying; nothing where it may be had."""
        return next((f"{tool} is not installed" for tool in self.tools if shutil.which(tool) is None), "")

    def command(self, words: Sequence[str], folder: Path) -> list[str]:
        """Return the command that runs a program in its folder."""
        confined = self._confined(words, folder)
        return confined if self.group is None else self.group.around(confined)

    def _confined(self, words: Sequence[str], folder: Path) -> list[str]:
        del folder
        return list(words)

    def environment(self, folder: Path) -> dict[str, str]:
        """Return what is different in the environment of a program."""
        del folder
        return {}

    def make_room(self, place: Path, size: int) -> None:
        """Prepare the empty folder around a copy, for files of `size` bytes and what the program writes."""

    def hand_over(self, folder: Path) -> None:
        """Let the program own a folder, in which none has been started yet."""
        if sys.platform != "win32" and self.uid is not None:
            for parent, _, names in os.walk(folder):
                for name in (parent, *(os.path.join(parent, each) for each in names)):  # noqa: PTH118
                    os.chown(name, self.uid, self.uid, follow_symlinks=False)

    def killed(self) -> int:
        """Return how many processes the kernel has ended, as the grading's memory ran out."""
        return 0 if self.group is None else self.group.killed()

    def program_below(self, pid: int) -> int | None:
        """Return the pid of the program itself, where `pid` is that of its command; None: it is not there (yet)."""
        return pid

    def exit_code(self, code: int) -> int:
        """Return how the program ended, where its command ended so; below 0 by a signal."""
        return code
