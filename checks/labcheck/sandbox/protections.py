"""What a program that is judged may do: how it is started, and what it can reach.

Three protections, the first that a machine offers is taken:

- `namespaces` (Linux, bubblewrap): the program sees /usr, the Python that runs it, its copy and a private
  /tmp, and no process but its own. See `labcheck.sandbox.isolation` for what is around its grader.
- `landlock` (Linux 5.13 and later): the same files by a rule of the kernel; it shares the machine's network.
- `limits` (elsewhere): it cannot take all memory or start processes without end. That is no protection
  against one who means harm.

In all of them the resources of a program are limited, and as root it gets an unprivileged uid of its own.
"""

from __future__ import annotations

import functools
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.sandbox import isolation
from labcheck.workbook.labs import PACKAGE, root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labcheck.sandbox.cgroup import Group

MIB = 1 << 20
ADDRESS_SPACE = 4096 * MIB  # bytes; a thread's stack takes 8 MiB of it, and hardly any memory
PROCESSES = 256  # and threads; fifty visitors with two threads each are no misuse
FILE_SIZE = 64 * MIB
OPEN_FILES = 1024
CPU_SECONDS = 120
ROOM = 64 * MIB  # for a program's files, beside what was handed in
TEMPORARY = 16 * MIB  # for its /tmp
MOST_LINKS = 40  # path_resolution(7)
FIRST_UID, UIDS = 60_706, 470  # a range that neither Debian nor systemd gives to anybody
SEEN = (  # of /etc: names of hosts, libraries, time zones, types of files; nothing that tells of this machine
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "ssl", "timezone"),
    *("ca-certificates", "crypto-policies", "pki"),
)
WRITTEN = {
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "passwd": "student:x:{uid}:{uid}:student:/tmp:/bin/sh\n",
    "group": "student:x:{uid}:\n",
}


class Sandbox:
    """No protection: a program is started as its user would start it."""

    name = "none"
    tools: tuple[str, ...] = ()  # programs that have to be installed
    group: Group | None = None  # the control group of the grading
    uid: int | None = None  # whom the program runs as; None: as we do

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
        if self.uid is not None:
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


class Confined(Sandbox):
    """Limits, and where the kernel has it Landlock, put on by a small program that becomes the student's."""

    def __init__(self, python: str, number: int, *, landlock: bool) -> None:
        self.name = "landlock" if landlock else "limits"
        self._landlock = landlock
        self._python = python
        self._limits = _limits()
        if os.name == "posix" and os.getuid() == 0:
            # Root without any capability, where its Python is in a folder that nobody else may enter.
            self.uid = FIRST_UID + number % UIDS if _is_open_to_all(Path(python)) else 0
        else:
            self._limits["nproc"] += _tasks_of_user()

    def _confined(self, words: Sequence[str], folder: Path) -> list[str]:
        rules = {
            "read": [str(path) for path in self._seen()] if self._landlock else None,
            "hidden": [str(path) for path in _hidden(self._python)],
            "write": [str(folder.parent), "/dev/null"],
            "limits": self._limits,
            "port": int(words[-1]),
            "uid": self.uid,
        }
        confine = Path(__file__).with_name("confine.py")
        return [sys.executable, "-I", "-S", str(confine), json.dumps(rules), *words]

    def _seen(self) -> Iterator[Path]:
        yield from (*_system(), *_interpreters(self._python))
        yield from (Path("/etc", name) for name in WRITTEN)  # as they are on this machine

    def environment(self, folder: Path) -> dict[str, str]:
        """Return a home and a place for temporary files that are the program's own."""
        return {"HOME": str(folder), "TMPDIR": str(_private_tmp(folder))}

    def make_room(self, place: Path, size: int) -> None:
        """Let the program reach the place of its copy, and have a /tmp of its own there."""
        del size
        (place / "tmp").mkdir()
        if self.uid is not None:
            place.parent.chmod(0o711)


class Namespaces(Sandbox):
    """Namespaces of its own for a program, made by bubblewrap. Its grader is to be isolated, too."""

    name = "namespaces"

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

    def _confined(self, words: Sequence[str], folder: Path) -> list[str]:
        limits = [f"--{name}={value}" for name, value in _limits().items()]
        # Where memory runs out, the kernel is to end this program, and nobody else's.
        confined = ["choom", "-n", "1000", "--", "prlimit", *limits, *words]
        place = folder.parent
        copy = [*_parents(place), "--bind", str(place), str(place), "--chdir", str(folder), "--remount-ro", "/"]
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


def _limits() -> dict[str, int]:
    """Return the limits of a program, by the names of prlimit(1)."""
    return {
        "as": ADDRESS_SPACE,
        "core": 0,
        "cpu": CPU_SECONDS,
        "fsize": FILE_SIZE,
        "nofile": OPEN_FILES,
        "nproc": PROCESSES,
    }


def _tasks_of_user() -> int:
    """Return how many threads the user has now: RLIMIT_NPROC counts all of them (getrlimit(2))."""
    import psutil

    uid, threads = os.getuid(), 0
    for process in psutil.process_iter(["uids", "num_threads"]):
        if process.info["uids"] is not None and process.info["uids"].real == uid:
            threads += process.info["num_threads"] or 0
    return threads


def _is_open_to_all(file: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in file.resolve().parents)


def _private_tmp(folder: Path) -> Path:
    return folder.parent / "tmp"


def _system() -> Iterator[Path]:
    """Yield what every program may read."""
    for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if (path := Path("/") / name).exists():
            yield path
    yield from (path for name in SEEN if (path := Path("/etc") / name).exists())


def _interpreters(python: str) -> list[Path]:
    """Return the folders of an interpreter that lie outside of the system's."""
    prefixes = {Path(prefix) for prefix in _prefixes(python)}
    return sorted(prefix for prefix in prefixes if not prefix.is_relative_to("/usr"))


@functools.cache
def _prefixes(python: str) -> tuple[str, ...]:
    if python == sys.executable:
        return sys.prefix, sys.base_prefix
    code = "import sys; print(sys.prefix); print(sys.base_prefix)"
    found = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=20)
    return tuple(found.stdout.splitlines())


def _files_of(python: str) -> Iterator[Path]:
    """Yield the links from an interpreter's name to its file, and the file; each may be in another folder."""
    path = Path(python)
    for _ in range(MOST_LINKS):
        yield path
        if not path.is_symlink():
            return
        path = Path(os.path.normpath(path.parent / path.readlink()))


def _hidden(python: str) -> list[Path]:
    """Return what no program may see: the suites and the solutions, in each labcheck that is installed."""
    found = {PACKAGE}
    for place in (*_interpreters(python), Path("/usr"), Path("/usr/local")):
        found.update(path for kind in ("site", "dist") for path in place.glob(f"lib/python3*/{kind}-packages/labcheck"))
    if not root().is_relative_to(PACKAGE):
        found.update(root() / name for name in ("labs", "solutions"))
    return sorted(path for path in found if path.is_dir())


def _bubblewrap(python: str, etc: Path) -> Iterator[str]:
    """Yield the words of a bubblewrap command that are the same for each program."""
    yield from ("bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
    # Without --die-with-parent: what a program leaves behind is found, as it would be without a sandbox, and
    # ends with the namespaces of its grader.
    yield from ("--hostname", "localhost")
    interpreters = _interpreters(python)
    bound = []
    yield from _parents(Path("/etc/hosts"))
    for path in _system():
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
    for path in interpreters:
        bound.append(path)
        yield from (*_parents(path), "--ro-bind", str(path), str(path))
    for path in _files_of(python):
        if not any(path.is_relative_to(place) for place in (*_system(), *interpreters)):
            kind, source = ("--symlink", path.readlink()) if path.is_symlink() else ("--ro-bind", path)
            yield from (*_parents(path), kind, str(source), str(path))
    for path in _hidden(python):
        if any(path.is_relative_to(place) for place in bound):
            yield from ("--perms", "0555", "--size", "4096", "--tmpfs", str(path))


def _parents(path: Path) -> Iterator[str]:
    """Yield how to make the folders above a path; those that bubblewrap makes by itself only root may enter."""
    for parent in reversed(path.parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(parent))


@functools.cache
def _can_disable_userns() -> bool:
    """Return whether this bubblewrap is 0.8 or later."""
    known = subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False, timeout=20)
    return "--disable-userns" in known.stdout + known.stderr
