"""The processes of a submission: none of them outlives its grading.

A program that forks twice and calls setsid() leaves its parent's process tree and group. On Linux, this process still
adopts such orphans (PR_SET_CHILD_SUBREAPER, prctl(2)), so `end_all` finds them among its descendants. On other
systems, only processes whose parents still run are found.
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
    from collections.abc import Callable, Collection

PR_SET_CHILD_SUBREAPER = 36
PF_EXITING = 4  # in the flags of a process (proc(5))
GONE_WITHIN = 5.0  # seconds until a killed process must have ended
STOPPED_WITHIN = 0.2  # seconds; a tree that grows for longer is killed without being stopped first
HURRY_AFTER = 0.05  # seconds
QUIET_LOOKS = 3
LOOKS = 10  # at the descendants of a process, while some of them end
LOOK_FOR = 0.3  # seconds; an attack with many processes that come and go makes each look slow
STATE, PARENT, THREADS = 0, 1, 17  # the places of what `_stat` returns
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
    """Make orphaned descendants of this process its children. Does nothing except on Linux."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reset_signals() -> None:
    """Undo what labcheck inherited about signals, because student programs would inherit it in turn (execve(2)).

    A shell's background process ignores Ctrl+C, a CI runner may block it, and if SIGCHLD is ignored, the exit status of
    every program is lost (wait(2)). Only the calling thread's mask is changed.
    """
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread can change how a signal is handled
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32" and signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


class Session(TypedDict, total=False):
    """The keyword arguments of subprocess.Popen that start a process in a new session."""

    start_new_session: bool
    creationflags: int
    startupinfo: Any  # subprocess.STARTUPINFO, on Windows


def own_session() -> Session:
    """Return arguments for Popen so that Ctrl+C in our terminal does not reach the process."""
    if sys.platform != "win32":
        return {"start_new_session": True}
    else:  # noqa: RET505, where it is unreachable, mypy complains of it
        # A hidden console. In a new process group of our console, Ctrl+C would be disabled (CreateProcess,
        # CREATE_NEW_PROCESS_GROUP).
        hidden = subprocess.STARTUPINFO(dwFlags=subprocess.STARTF_USESHOWWINDOW, wShowWindow=subprocess.SW_HIDE)
        return {"creationflags": subprocess.CREATE_NEW_CONSOLE, "startupinfo": hidden}


def interrupt(pid: int) -> None:
    """Send Ctrl+C to a process that was started with `own_session`. Raises OSError if the process has ended."""
    if sys.platform != "win32":
        os.kill(pid, signal.SIGINT)
    elif subprocess.run([sys.executable, "-I", "-S", "-c", PRESS_CTRL_C, str(pid)], check=False).returncode != 0:
        raise ProcessLookupError(f"process {pid} has no console: it has ended")


def descendants(pid: int, spare: Collection[int] = ()) -> list[int]:
    """Return the pids of all descendants of the given process, parents before their children.

    The processes in `spare` are left out, with their descendants.
    """
    found: list[int] = []
    ended: set[int] = set()
    # Look again if a process has ended: its children have moved to another one, whose children may have been read
    # before, and the list of its parent, if it was read just then, may leave out others (proc_tid_children(5)).
    started = time.monotonic()
    for _ in range(LOOKS):
        before, found, queue = len(ended), [], [pid]
        while queue:
            each = queue.pop()
            children = [child for child in _children(each) if child not in spare]
            if each not in ended and not is_alive(each):
                ended.add(each)
            found += children
            queue += children
        if len(ended) == before or time.monotonic() > started + LOOK_FOR:
            break
    return found


def tree(pid: int) -> list[int]:
    """Return the pids of a process and all its descendants, parents before their children."""
    return [pid, *descendants(pid)]


def ancestors(pid: int) -> list[int]:
    """Return the pids of a process's parent, its parent's parent, and so on (Linux).

    Raises OSError if the process has ended, or if the system hides an ancestor from this user.
    """
    found, ended = [pid], {pid}
    while found[-1] != 0:
        try:
            found.append(int(_stat(f"/proc/{found[-1]}")[PARENT]))
        except OSError:
            if found[-1] in ended:
                raise
            ended.add(found[-1])  # just now; its children have moved to another process
            found = [pid]
    return found[1:-1]


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for thread in threads_of(pid) for child in read(f"{thread}/children").split()]
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []


def end_tree(pid: int) -> None:
    """Kill a process and its descendants."""
    _end(lambda: [each for each in tree(pid) if is_alive(each)])


def end_all(spare: Collection[int] = ()) -> None:
    """Kill all descendants of this process, except the given processes and their descendants, and wait for their end.

    Raises OSError if a process survives for GONE_WITHIN seconds.
    """
    kill_all(spare)
    if sys.platform != "win32":
        for pid in _children(os.getpid()):
            if pid not in spare and not is_alive(pid):
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


def kill_all(spare: Collection[int] = ()) -> None:
    """Do the same, but leave the exit statuses to others: another thread may be waiting for one. Raises OSError."""
    if sys.platform == "linux":
        left = _kill_children(spare)
    else:

        def marked() -> list[int]:
            return [pid for pid in descendants(os.getpid(), spare) if is_alive(pid)]

        _end(marked)
        left = marked()
    if left:
        raise OSError(f"processes cannot be killed: {left}")


def _kill_children(spare: Collection[int]) -> list[int]:
    """Kill the children of this process until none is alive; return those after GONE_WITHIN seconds.

    The children of a killed process become children of this one (`adopt_orphans`). A search for all descendants would
    come too late for processes that start another one and end at once. This does not: the kernel starts no process for
    one that has been killed. Zombies are left until the end, because they count for the limit on processes.
    """
    started, ended = time.monotonic(), set(spare)
    killed: set[int] = set()
    in_a_hurry = False
    quiet = 0  # how often in a row there was nothing new; the list may leave out some while others end
    alive: list[int] = []
    while quiet < QUIET_LOOKS and (took := time.monotonic() - started) < GONE_WITHIN:
        found = [pid for pid in _children(os.getpid()) if pid not in ended]
        for pid in found:
            _kill(pid)
        if killed.issuperset(found):
            time.sleep(0.0005)  # they are ending
        killed.update(found)
        alive = list(filter(is_alive, found))
        ended.update(set(found).difference(alive))
        quiet = 0 if found else quiet + 1
        if took > HURRY_AFTER and not in_a_hurry:
            in_a_hurry = _hurry(True)
    if in_a_hurry:
        _hurry(False)
    return alive


def _hurry(wanted: bool) -> bool:
    """Run before all other processes, or as before; return whether the system allows it, as it does for root."""
    if sys.platform == "linux":
        policy = os.SCHED_FIFO if wanted else os.SCHED_OTHER
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, policy, os.sched_param(int(wanted)))
            return True
    return False


def _end(find: Callable[[], list[int]]) -> None:
    """Kill the processes that `find` returns, until all have ended or GONE_WITHIN seconds have passed."""
    started = time.monotonic()
    frozen: set[int] = set()
    while (took := time.monotonic() - started) < GONE_WITHIN:
        found = find()
        moving = [pid for pid in found if pid not in frozen]
        found += [pid for pid in frozen.difference(found) if is_alive(pid)]  # not found any more: its parent has ended
        if not found:
            return
        if sys.platform != "win32" and moving and took < STOPPED_WITHIN:
            # Stop all processes before killing any: a stopped process cannot fork or escape.
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


def read(file: str) -> bytes:
    """Return what a file in /proc says. Raises OSError.

    Paths, buffers and decoding would take longer than the kernel does, and each grading reads hundreds of these files.
    """
    with open(file, "rb", buffering=0) as opened:  # noqa: PTH123
        return opened.readall()


def threads_of(pid: int) -> list[str]:
    """Return the folders in /proc of the threads of a process (proc(5)). Raises OSError."""
    folder = f"/proc/{pid}/task"
    return [f"{folder}/{name}" for name in os.listdir(folder)]  # noqa: PTH208, faster


def state_of(task: str) -> str:
    """Return the state letter of a process or thread, given its folder in /proc (proc(5)). Raises OSError."""
    return _stat(task)[STATE]


def _stat(task: str) -> list[str]:
    """Return the fields of a process or thread that follow its name (proc_pid_stat(5)). Raises OSError."""
    # "pid (name) state ...": the name may contain any bytes, so look for the last bracket.
    return read(f"{task}/stat").rpartition(b")")[2].decode().split()


def is_ending(pid: int) -> bool:
    """Return whether the kernel is ending the process (PF_EXITING); False if the system does not report it."""
    try:
        file = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return False
    try:  # this is asked for each connection, so it must be fast
        return bool(int(os.read(file, 1024).rpartition(b")")[2].split()[6]) & PF_EXITING)
    except (OSError, IndexError):
        return False
    finally:
        os.close(file)


def is_alive(pid: int) -> bool:
    """Return whether the process exists and is not a zombie."""
    try:
        stat = _stat(f"/proc/{pid}")
        # A process whose first thread has ended looks like a zombie, but its other threads still have its files open.
        return stat[STATE] not in "ZX" or int(stat[THREADS]) > 1
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return False
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
