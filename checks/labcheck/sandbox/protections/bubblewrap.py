"""The protection `namespaces`: bubblewrap (bwrap(1)) puts a program into its own namespaces."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Self

from labcheck.sandbox import confine, isolation
from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.protections import register
from labcheck.sandbox.protections.limits import MIB, resource_limits
from labcheck.sandbox.visible import (
    WRITTEN,
    files_of,
    hidden,
    installation,
    interpreters,
    is_hidden,
    parents,
    real,
    system,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOM = 64 * MIB  # for the files that a program writes, in addition to the submission
TEMPORARY = 16 * MIB  # for its /tmp


@register
class Namespaces(Sandbox):
    """Each program runs in its own namespaces, created by bubblewrap. The grader must be isolated too."""

    name = "namespaces"
    strength = 2
    is_limited = True
    limits_disk = True
    follows_links = False

    def __init__(self, python: str, uid: int | None, etc: Path) -> None:
        """Write the program's /etc into an empty folder."""
        self.tools = ("bwrap", "choom", "prlimit")
        self.uid = uid
        if uid is not None:
            self.tools += ("setpriv",)
        for name, text in WRITTEN.items():
            (etc / name).write_text(text.format(uid=os.getuid() if uid is None else uid))
        etc.chmod(0o755)
        self._python = python
        written = (("--ro-bind", str(etc / name), f"/etc/{name}") for name in WRITTEN)
        self._words = [*_bubblewrap(python), *chain.from_iterable(written)]

    @classmethod
    def make(cls, python: str, uid: int | None, scratch: Path) -> Self:
        """Return a sandbox, with a new folder for the program's /etc."""
        etc = scratch / "etc"
        etc.mkdir()
        return cls(python, uid, etc)

    @classmethod
    def prepare(cls, python: str) -> None:
        """Find out which files the programs see."""
        _bubblewrap(python)

    @classmethod
    def surround(cls) -> None:
        """Make the grader, a child of this process, the first process in new namespaces."""
        isolation.unshare()

    @classmethod
    def settle(cls, scratch: Path) -> Path:
        """Set up the grader's namespaces, and return a folder on a file system inside them."""
        del scratch
        isolation.settle()
        confine.leave_keys()  # here for all programs, because bubblewrap cannot
        return Path(tempfile.mkdtemp(dir=isolation.SCRATCH))

    def _confined(self, words: Sequence[str], folder: Path) -> list[str]:
        limits = [f"--{name}={value}" for name, value in resource_limits().items()]
        # If memory runs out, the kernel should kill this program and no other.
        confined = ["choom", "-n", "1000", "--", "prlimit", *limits, *words]
        place = folder.parent
        copy = [*parents(place), "--bind", str(place), str(place), "--chdir", str(folder), "--remount-ro", "/"]
        if self.uid is None:
            rights = ["--unshare-user", *(["--disable-userns"] if _can_disable_userns() else []), "--cap-drop", "ALL"]
            return [*self._words, *copy, *rights, "--", *confined]
        # As root, bubblewrap creates no user namespace. It keeps only the capabilities for becoming another user.
        rights = ["--cap-drop", "ALL"]
        rights += [word for name in ("SETUID", "SETGID", "SETPCAP") for word in ("--cap-add", f"CAP_{name}")]
        somebody = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", "--no-new-privs"]
        somebody += ["--inh-caps=-all", "--bounding-set=-all"]
        return [*self._words, *copy, *rights, "--", *somebody, *confined]

    def environment(self, folder: Path) -> dict[str, str]:
        """Return private folders for the program's home and its temporary files."""
        return {"HOME": str(folder), "PYTHONUSERBASE": installation(self._python).user_base, "TMPDIR": "/tmp"}

    def make_room(self, place: Path, size: int) -> None:
        """Mount a separate file system for the copy, so a program can fill only that."""
        isolation.mount("tmpfs", place, f"size={size + ROOM},nr_inodes=20000,mode=755")

    def program_below(self, pid: int) -> int | None:
        """Return the pid of the program: the first child of bubblewrap's first child."""
        for _ in range(2):
            try:
                pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
            except (OSError, IndexError):
                return None
        return pid

    def exit_code(self, code: int) -> int:
        """Return the program's exit code: after a signal, bubblewrap exits with 128 plus the signal's number."""
        return 128 - code if 128 < code < 128 + 32 else code


@functools.cache
def _bubblewrap(python: str) -> tuple[str, ...]:
    """Return the words of a bubblewrap command that are the same for every program run by this Python."""
    return tuple(_words(python))


def _words(python: str) -> Iterator[str]:
    yield from ("bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
    # No --die-with-parent: processes that a program leaves behind must be found, as without a sandbox. They end with
    # the namespaces of the grader.
    yield from ("--hostname", "localhost")
    secret = hidden(python)
    shown: dict[Path, Path] = {}  # the path inside -> the real path
    yield from parents(Path("/etc/hosts"))
    for path in system():
        if path.is_symlink() and path.parent == Path("/"):
            yield from ("--symlink", str(path.readlink()), str(path))
        else:
            yield from _show(path, shown, secret)
    yield from ("--proc", "/proc", "--dev", "/dev")
    for path in (Path("/dev/shm"), Path("/tmp")):
        yield from ("--perms", "1777", "--size", str(TEMPORARY), "--tmpfs", str(path))
    for path in interpreters(python):
        yield from _show(path, shown, secret)
    for path in files_of(Path(python)):
        if not any(path.is_relative_to(place) for place in (*system(), *shown)):
            kind, source = ("--symlink", path.readlink()) if path.is_symlink() else ("--ro-bind", path)
            yield from (*parents(path), kind, str(source), str(path))
    for path, source in shown.items():
        for each in secret:
            if each.is_relative_to(source):
                over = ("--perms", "0555", "--size", "4096", "--tmpfs") if each.is_dir() else ("--ro-bind", "/dev/null")
                yield from (*over, str(path / each.relative_to(source)))


def _show(path: Path, shown: dict[Path, Path], secret: list[Path]) -> Iterator[str]:
    """Yield the words that show a path inside, unless it leads to something secret, and note it in `shown`."""
    if not is_hidden(real(path), secret):
        shown[path] = real(path)
        yield from (*parents(path), "--ro-bind", str(real(path)), str(path))


@functools.cache
def _can_disable_userns() -> bool:
    """Return whether this bubblewrap is 0.8 or later."""
    known = subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False, timeout=20)
    return "--disable-userns" in known.stdout + known.stderr
