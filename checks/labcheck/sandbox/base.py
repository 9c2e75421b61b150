"""The base class of the protections: how a student's program is started, and under which limits."""

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
    """How a program is started. This base class gives no protection: the program starts as its user would start it.

    - `strength` orders the protections. With `auto`, a class is graded only under one whose strength is not 0.
    - `is_limited` is whether memory and processes are limited, and therefore watched.
    - `follows_links` is whether a link in the submission stands for what it leads to. Under a protection it does not:
      it could lead to any file that labcheck can read.
    """

    name = "none"
    strength = 0
    is_limited = False
    follows_links = True
    limits_disk = False  # whether the kernel limits what a program writes in its copy
    tools: tuple[str, ...] = ()  # programs that have to be installed
    group: Group | None = None  # the control group of the grading
    uid: int | None = None  # the user id that the program runs as; None: the same as labcheck

    @classmethod
    def make(cls, python: str, uid: int | None, scratch: Path) -> Self:
        """Return a sandbox for programs run by the given Python.

        `uid` is reserved for them (see `uids`); None: they run as this process's user. `scratch` is a folder for this
        grading alone. Raises UsageError if a user like that could not run this Python.
        """
        del python, uid, scratch
        return cls()

    @classmethod
    def prepare(cls, python: str) -> None:
        """Find out what all programs run by this Python have in common: the processes of gradings are forked later."""

    @classmethod
    def surround(cls) -> None:
        """Prepare this process to be the parent of the grading process. Raises OSError if that is impossible."""

    @classmethod
    def settle(cls, scratch: Path) -> Path:
        """Prepare this process, which does the grading, and return the folder for its files. Raises OSError."""
        return scratch

    def missing(self) -> str:
        """Return what this machine lacks, or "" if nothing is obviously missing; only a try can tell for sure."""
        return next((f"{tool} is not installed" for tool in self.tools if shutil.which(tool) is None), "")

    def command(self, words: Sequence[str], folder: Path) -> list[str]:
        """Return the command that runs a program in the given folder."""
        confined = self._confined(words, folder)
        return confined if self.group is None else self.group.around(confined)

    def _confined(self, words: Sequence[str], folder: Path) -> list[str]:
        del folder
        return list(words)

    def environment(self, folder: Path) -> dict[str, str]:
        """Return the environment variables to change for a program."""
        del folder
        return {}

    def make_room(self, place: Path, size: int) -> None:
        """Prepare an empty folder for a copy of `size` bytes and the files that the program writes."""

    def hand_over(self, folder: Path) -> None:
        """Make the program's user the owner of everything in a folder, before any program is started there.

        The folder itself stays ours: so its user cannot put anything in the place of what is in it.
        """
        if sys.platform != "win32" and self.uid is not None:
            folder.chmod(0o755)
            for parent, folders, names in os.walk(folder):
                for name in (*folders, *names):
                    os.chown(os.path.join(parent, name), self.uid, self.uid, follow_symlinks=False)  # noqa: PTH118

    def killed(self) -> int:
        """Return how many processes the kernel has killed because the grading ran out of memory."""
        return 0 if self.group is None else self.group.killed()

    def program_below(self, pid: int) -> int | None:
        """Return the pid of the program itself, given the pid of its command. None: it is not running (yet)."""
        return pid

    def exit_code(self, code: int) -> int:
        """Return the program's exit code, given that of its command; negative if a signal ended it."""
        return code
