"""The keeper of a kernel's programs: a process of its own, that ends them when the kernel has ended, however that was.

It reads from a pipe whose other end only the kernel holds: the pid of a program that was started, the same with a
minus when it is gone. The kernel of the operating system closes the pipe when the notebook's kernel ends, also by
SIGKILL; whoever is left then is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

from labcheck.sandbox import processes


class Keeper:
    """The notebook's end of the pipe."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            **processes.own_session(),  # what interrupts or kills the kernel's group is not meant for it
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def keep(self, pid: int) -> None:
        """End this program with the kernel; it is the first process of a session."""
        self._tell(pid)

    def forget(self, pid: int) -> None:
        """Leave this program alone: it has ended, and its number may soon be somebody else's."""
        self._tell(-pid)

    def close(self) -> None:
        """End everything that is kept, and the keeper."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, number: int) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # who has ended the keeper does without it
            self._process.stdin.write(f"{number}\n".encode())


@cache
def keeper() -> Keeper:
    """Return the keeper of this kernel; the first call starts it."""
    return Keeper()


def end_session(leader: int) -> None:
    """Kill a program, what is below it, and what it has left behind in its session."""
    processes.end_tree(leader)
    for pid in _members(leader):
        processes.end_tree(pid)


def _members(session: int) -> list[int]:
    """Return the pids of a session, other than its first; none where the system knows no sessions."""
    import psutil

    found: list[int] = []
    if sys.platform != "win32":
        for pid in psutil.pids():
            with contextlib.suppress(OSError):
                if os.getsid(pid) == session != pid:
                    found.append(pid)
    return found


def main() -> None:
    """Keep until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kept: set[int] = set()
    for line in sys.stdin.buffer:
        number = int(line)
        if number > 0:
            kept.add(number)
        else:
            kept.discard(-number)
    for pid in kept:
        end_session(pid)


if __name__ == "__main__":
    main()
