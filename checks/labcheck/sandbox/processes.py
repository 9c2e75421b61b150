"""Processes of a submission: none of them outlives its grading.

A program that forks twice and calls setsid() leaves its parent's tree and its group. On Linux
its orphans come to this process all the same (PR_SET_CHILD_SUBREAPER, prctl(2)), so that
`end_all` finds them among its own descendants. Elsewhere they are looked for by parent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PR_SET_CHILD_SUBREAPER = 36
GONE_WITHIN = 5.0  # seconds until a killed process must have ended
# Windows sends Ctrl+C to all processes of the sender's own console, so the sender has to join that of the program
# (AttachConsole, GenerateConsoleCtrlEvent), and must not be ended by it itself.
PRESS_CTRL_C = """
import ctypes, sys
console = ctypes.WinDLL("kernel32")
console.FreeConsole()
sent = console.AttachConsole(int(sys.argv[1])) and console.SetConsoleCtrlHandler(None, True)
sys.exit(not (sent and console.GenerateConsoleCtrlEvent(0, 0)))
"""


def adopt_orphans() -> None:
    """Make orphans of this process's descendants its own children (Linux; nothing elsewhere)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def hear_ctrl_c() -> None:
    """Undo that Ctrl+C is ignored, as it is in a shell's background: a program would inherit that."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Session(TypedDict, total=False):
    """Keyword arguments of subprocess.Popen that start a process in its own session (Windows: its own console)."""

    start_new_session: bool
    creationflags: int
    startupinfo: Any  # subprocess.STARTUPINFO, on Windows


def own_session() -> Session:
    """Return how to start a process that does not receive the Ctrl+C that is pressed in our terminal."""
    if sys.platform != "win32":
        return {"start_new_session": True}
    else:  # noqa: RET505, where it is unreachable, mypy complains of it
        # A hidden console. In a new process group of our console, Ctrl+C would be disabled (CreateProcess,
        # CREATE_NEW_PROCESS_GROUP).
        hidden = subprocess.STARTUPINFO(dwFlags=subprocess.STARTF_USESHOWWINDOW, wShowWindow=subprocess.SW_HIDE)
        return {"creationflags": subprocess.CREATE_NEW_CONSOLE, "startupinfo": hidden}


def interrupt(pid: int) -> None:
    """Send Ctrl+C to a process that was started in its own session. Raises OSError if the process has ended."""
    if sys.platform != "win32":
        os.kill(pid, signal.SIGINT)
    elif subprocess.run([sys.executable, "-I", "-S", "-c", PRESS_CTRL_C, str(pid)], check=False).returncode != 0:
        raise ProcessLookupError(f"process {pid} has no console: it has ended")


def descendants(pid: int) -> list[int]:
    """Return the pids of all processes below the given one, parents before their children."""
    found: list[int] = []
    queue = [pid]
    while queue:
        children = _children(queue.pop())
        found += children
        queue += children
    return found


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    if tasks.exists():
        with contextlib.suppress(OSError):
            return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []


def end_tree(pid: int) -> None:
    """Kill a process and everything below it."""
    _end(lambda: [each for each in (pid, *descendants(pid)) if is_alive(each)])


def end_all(spare: Iterable[int] = ()) -> None:
    """Kill everything below this process, but for the given processes and what is below them.

    Raises OSError where something has survived for GONE_WITHIN seconds.
    """
    kept = set(spare)

    def marked() -> list[int]:
        spared = kept.union(*(descendants(pid) for pid in kept))
        return [pid for pid in descendants(os.getpid()) if pid not in spared and is_alive(pid)]

    _end(marked)
    if sys.platform != "win32":
        for pid in _children(os.getpid()):
            if pid not in kept and not is_alive(pid):
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
    left = marked()
    if left:
        raise OSError(f"processes that cannot be ended: {left}")


def _end(find: Callable[[], list[int]]) -> None:
    """Kill what `find` finds, until it finds nothing."""
    limit = time.monotonic() + GONE_WITHIN
    frozen: set[int] = set()
    while (found := find()) and time.monotonic() < limit:
        moving = [pid for pid in found if pid not in frozen]
        if sys.platform != "win32" and moving:
            # Freeze all of them before one is killed: what is stopped cannot fork, nor flee.
            for pid in moving:
                _send(pid, signal.SIGSTOP)
            frozen.update(moving)
            continue
        for pid in found:
            _kill(pid)
        time.sleep(0.0005)


def _kill(pid: int) -> None:
    if sys.platform != "win32":
        _send(pid, signal.SIGKILL)
    else:
        import psutil

        with contextlib.suppress(psutil.Error):
            psutil.Process(pid).kill()


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def state_of(task: Path) -> str:
    """Return the letter of a process's or a thread's state, by its folder in /proc (proc(5)). Raises OSError."""
    # "pid (name) state ...": the name may hold anything, also what is no text, so the last bracket counts.
    return (task / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]


def is_alive(pid: int) -> bool:
    """Return whether the process exists and is more than a zombie."""
    try:
        return state_of(Path(f"/proc/{pid}")) not in "ZX"
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return False
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
