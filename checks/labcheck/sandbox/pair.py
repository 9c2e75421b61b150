"""labcheck as two processes, so that no program outlives it even if it is killed with SIGKILL.

The process that the user has started only waits: it passes signals on and returns the exit status. Its child does the
work, in a session of its own, where signals for the user's process group do not reach it. Each cleans up after the
other: the child ends as after SIGTERM when its parent is gone, and the parent, which adopts orphans (Linux), kills what
the child leaves behind.

On Windows there is one process, in a job object whose processes end with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from functools import partial
from typing import Any

from labcheck.sandbox import processes

PASSED_ON = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)
]  # the signals by which a user, a terminal or a CI system ends a program
EXTENDED_LIMITS, KILL_ON_JOB_CLOSE = 9, 0x2000  # winnt.h
LEAVE = 0.5  # seconds for what a dead child leaves behind to end on its own, as supervisors of gradings do


def split() -> int | None:
    """Go on in a child process, and return None there. In the parent, wait for it and return its exit status.

    The status is negative if a signal has ended the child. The process must have a single thread.
    """
    if sys.platform == "win32":
        _end_children_with_this_process()
        return None
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if it is ignored, as some parents pass on, a status is lost
    reading, writing = os.pipe()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # until both processes can handle them
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.setsid()
        threading.Thread(target=_end_with_parent, args=(reading,), daemon=True).start()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return None
    os.close(reading)
    processes.adopt_orphans()
    for number in PASSED_ON:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, partial(_pass_on, child))
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    _, status = os.waitpid(child, 0)
    if sys.platform == "linux":  # elsewhere, orphans have another parent
        _end_leftovers()
    return os.waitstatus_to_exitcode(status)


def _pass_on(child: int, number: int, _: object) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.kill(child, number)


def _end_with_parent(reading: int) -> None:
    """Wait until the parent, which alone has the other end of the pipe, is gone; then end as after SIGTERM."""
    os.read(reading, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _end_leftovers() -> None:
    """Kill the descendants of this process that do not end on their own within LEAVE seconds."""
    limit = time.monotonic() + LEAVE
    while any(map(processes.is_alive, processes.descendants(os.getpid()))) and time.monotonic() < limit:
        time.sleep(0.005)
    with contextlib.suppress(OSError):
        processes.end_all()


def _end_children_with_this_process() -> None:
    """Put this process into a job object that nothing else has open: Windows ends its processes when it is closed.

    Programs that are started later belong to it too (JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE). Does nothing if the system
    forbids it.
    """
    if sys.platform == "win32":
        import ctypes
        from ctypes import wintypes

        class Limits(ctypes.Structure):
            """JOBOBJECT_EXTENDED_LIMIT_INFORMATION; only `flags` is used."""

            _fields_ = (
                *(("process_time", ctypes.c_int64), ("job_time", ctypes.c_int64), ("flags", wintypes.DWORD)),
                *(("least_memory", ctypes.c_size_t), ("most_memory", ctypes.c_size_t), ("processes", wintypes.DWORD)),
                *(("affinity", ctypes.c_size_t), ("priority", wintypes.DWORD), ("scheduling", wintypes.DWORD)),
                *(("io", ctypes.c_uint64 * 6), ("memory", ctypes.c_size_t * 4)),
            )

        kernel: Any = ctypes.WinDLL("kernel32")
        for function in (kernel.CreateJobObjectW, kernel.GetCurrentProcess):
            function.restype = wintypes.HANDLE
        job = wintypes.HANDLE(kernel.CreateJobObjectW(None, None))
        limits = Limits(flags=KILL_ON_JOB_CLOSE)
        kernel.SetInformationJobObject(job, EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits))
        kernel.AssignProcessToJobObject(job, wintypes.HANDLE(kernel.GetCurrentProcess()))
