"""The keeper of a notebook kernel's programs: a separate process that kills them when the kernel has ended.

It reads from a pipe whose other end only the notebook kernel has: the pid of each program that is started, and the
negative pid when the program has ended. The operating system closes the pipe when the notebook kernel ends, even if it
is killed with SIGKILL. The keeper then kills all programs that are left.
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
    """The notebook kernel's end of the pipe."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            **processes.own_session(),  # a signal to the notebook kernel's process group must not reach the keeper
        )

    @property
    def pid(self) -> int:
        """The keeper's process id."""
        return self._process.pid

    def keep(self, pid: int) -> None:
        """Kill this program when the notebook kernel ends. It must be the first process of a session."""
        self._send(pid)

    def forget(self, pid: int) -> None:
        """Do not kill this program: it has ended, and another process may soon have the same pid."""
        self._send(-pid)

    def close(self) -> None:
        """Kill all kept programs, and stop the keeper."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _send(self, number: int) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # a keeper that was stopped is not needed
            self._process.stdin.write(f"{number}\n".encode())


@cache
def keeper() -> Keeper:
    """Return the keeper of this notebook kernel. The first call starts it."""
    return Keeper()


def end_session(leader: int) -> None:
    """Kill a program, its descendants, and the processes left in its session."""
    processes.end_tree(leader)
    for pid in _members(leader):
        processes.end_tree(pid)


def _members(session: int) -> list[int]:
    """Return the pids of a session except the first; nothing on a system without sessions."""
    import psutil

    found: list[int] = []
    if sys.platform != "win32":
        for pid in psutil.pids():
            with contextlib.suppress(OSError):
                if os.getsid(pid) == session != pid:
                    found.append(pid)
    return found


def main() -> None:
    """Read pids until the pipe ends, then kill the programs that are left."""
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
