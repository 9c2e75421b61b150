"""Namespaces of its own for a program, made by bubblewrap (bwrap(1))."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from labcheck.sandbox import isolation
from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.protections import register
from labcheck.sandbox.protections.limits import FIRST_UID, MIB, UIDS, resource_limits
from labcheck.sandbox.visible import WRITTEN, files_of, hidden, interpreters, parents, system

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOM = 64 * MIB  # for a program's files, beside what was handed in
TEMPORARY = 16 * MIB  # for its /tmp


@register
class Namespaces(Sandbox):
    """Namespaces of its own for a program, made by bubblewrap. Its grader is to be isolated, too."""

    name = "namespaces"
    strength = 2
    is_limited = True

    def __init__(self, python: str, number: int, etc: Path) -> None:
        """Write the program's /etc into an empty folder."""
        self.tools = ("bwrap", "choom", "prlimit")
        if os.getuid() == 0:
            self.uid = FIRST_UID + number % UIDS
            self.tools += ("setpriv",)
        for name, text in WRITTEN.items():
            (etc / name).write_text(text.format(uid=self.uid or os.getuid()))
        etc.chmod(0o755)
        self._words = list(_bubblewrap(python, etc))

    @classmethod
    def make(cls, python: str, number: int, scratch: Path) -> Self:
        """Return one, with a folder for the program's /etc."""
        etc = scratch / "etc"
        etc.mkdir()
        return cls(python, number, etc)

    @classmethod
    def surround(cls) -> None:
        """Let the grader be the first process in namespaces of its own."""
        isolation.unshare()

    @classmethod
    def settle(cls, scratch: Path) -> Path:
        """Furnish the grader's namespaces, whose file systems are its own."""
        del scratch
        isolation.settle()
        return Path(tempfile.mkdtemp(dir=isolation.SCRATCH))

    def _confined(self, words: Sequence[str], folder: Path) -> list[str]:
        limits = [f"--{name}={value}" for name, value in resource_limits().items()]
        # Where memory runs out, the kernel is to end this program, and nobody else's.
        confined = ["choom", "-n", "1000", "--", "prlimit", *limits, *words]
        place = folder.parent
        copy = [*parents(place), "--bind", str(place), str(place), "--chdir", str(folder), "--remount-ro", "/"]
        if self.uid is None:
            rights = ["--unshare-user", *(["--disable-userns"] if _can_disable_userns() else []), "--cap-drop", "ALL"]
            return [*self._words, *copy, *rights, "--", *confined]
        # As root bubblewrap makes no user namespace: it keeps what it takes to become somebody else, and no more.
        rights = ["--cap-drop", "ALL"]
        rights += [word for name in ("SETUID", "SETGID", "SETPCAP") for word in ("--cap-add", f"CAP_{name}")]
        somebody = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", "--no-new-privs"]
        somebody += ["--inh-caps=-all", "--bounding-set=-all"]
        return [*self._words, *copy, *rights, "--", *somebody, *confined]

    def environment(self, folder: Path) -> dict[str, str]:
        """Return a home and a place for temporary files that are the program's own."""
        return {"HOME": str(folder), "TMPDIR": "/tmp"}

    def make_room(self, place: Path, size: int) -> None:
        """Put the copy on a file system of its own, which a program may fill."""
        isolation.mount("tmpfs", place, f"size={size + ROOM},nr_inodes=20000,mode=755")

    def program_below(self, pid: int) -> int | None:
        """Return the pid of the program: the first child of bubblewrap's own first process."""
        for _ in range(2):
            try:
                pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
            except (OSError, IndexError):
                return None
        return pid

    def exit_code(self, code: int) -> int:
        """Return how the program ended: bubblewrap says 128 and the number of the signal."""
        return 128 - code if 128 < code < 128 + 32 else code


def _bubblewrap(python: str, etc: Path) -> Iterator[str]:
    """Yield the words of a bubblewrap command that are the same for each program."""
    yield from ("bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
    # Without --die-with-parent: what a program leaves behind is found, as it would be without a sandbox, and
    # ends with the namespaces of its grader.
    yield from ("--hostname", "localhost")
    own = interpreters(python)
    bound = []
    yield from parents(Path("/etc/hosts"))
    for path in system():
        if path.is_symlink() and path.parent == Path("/"):
            yield from ("--symlink", str(path.readlink()), str(path))
        else:
            bound.append(path)
            yield from ("--ro-bind", str(path), str(path))
    for name in WRITTEN:
        yield from ("--ro-bind", str(etc / name), f"/etc/{name}")
    yield from ("--proc", "/proc", "--dev", "/dev")
    for path in (Path("/dev/shm"), Path("/tmp")):
        yield from ("--perms", "1777", "--size", str(TEMPORARY), "--tmpfs", str(path))
    for path in own:
        bound.append(path)
        yield from (*parents(path), "--ro-bind", str(path), str(path))
    for path in files_of(python):
        if not any(path.is_relative_to(place) for place in (*system(), *own)):
            kind, source = ("--symlink", path.readlink()) if path.is_symlink() else ("--ro-bind", path)
            yield from (*parents(path), kind, str(source), str(path))
    for path in hidden(python):
        if any(path.is_relative_to(place) for place in bound):
            yield from ("--perms", "0555", "--size", "4096", "--tmpfs", str(path))


@functools.cache
def _can_disable_userns() -> bool:
    """Return whether this bubblewrap is 0.8 or later."""
    known = subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False, timeout=20)
    return "--disable-userns" in known.stdout + known.stderr
