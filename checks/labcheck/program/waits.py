"""Whether a waiting thread wakes up on its own: the system call that it waits in, and its time limit.

The kernel shows the call and its arguments to those who may trace the process (Linux, /proc/PID/syscall in proc(5)). A
thread that waits forever, or for longer than any exchange takes, does nothing more until something arrives for it. If
the system does not show it, every thread may wake up.
"""

from __future__ import annotations

import contextlib
import ctypes
import platform
from pathlib import Path
from typing import Final

LONG = 10_000  # milliseconds; a longer limit, such as that of an idle connection's ping, does not end in an exchange
FOREVER = -1
FUTEX_WAITS = {0, 9}  # FUTEX_WAIT and FUTEX_WAIT_BITSET; other commands take no time limit, or wait for nobody
FUTEX_COMMAND = 0x7F  # the command without its flags

# System calls that end when data, a client or another process arrives. The number is the place of the argument with the
# time limit: milliseconds, or the address of a struct (0: no limit). Calls in the third list have no limit.
MILLISECONDS: Final = {"poll": 2, "epoll_wait": 3, "epoll_pwait": 3}
ADDRESS: Final = {"select": 4, "pselect6": 4, "ppoll": 2, "epoll_pwait2": 3, "futex": 3, "rt_sigtimedwait": 2}
UNLIMITED: Final = {
    "read", "readv", "recvfrom", "recvmsg", "accept", "accept4", "wait4", "waitid", "pause", "rt_sigsuspend",
}  # fmt: skip

SLEEPS: Final = {"nanosleep", "clock_nanosleep"}

X86_64 = {
    35: "nanosleep", 230: "clock_nanosleep",
    0: "read", 7: "poll", 19: "readv", 23: "select", 34: "pause", 43: "accept", 45: "recvfrom", 47: "recvmsg",
    61: "wait4", 128: "rt_sigtimedwait", 130: "rt_sigsuspend", 202: "futex", 232: "epoll_wait", 247: "waitid",
    270: "pselect6", 271: "ppoll", 281: "epoll_pwait", 288: "accept4", 441: "epoll_pwait2",
}  # fmt: skip
AARCH64 = {
    101: "nanosleep", 115: "clock_nanosleep",
    22: "epoll_pwait", 63: "read", 65: "readv", 72: "pselect6", 73: "ppoll", 95: "waitid", 98: "futex",
    133: "rt_sigsuspend", 137: "rt_sigtimedwait", 202: "accept", 207: "recvfrom", 212: "recvmsg", 242: "accept4",
    260: "wait4", 441: "epoll_pwait2",
}  # fmt: skip
CALLS = {"x86_64": X86_64, "aarch64": AARCH64}.get(platform.machine(), {})


def sleeps(pid: int) -> bool:
    """Return whether the first thread of this process sleeps for a time, and does not wake up if data arrives."""
    try:
        number = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    except OSError:
        return False
    return number.isdigit() and CALLS.get(int(number), "") in SLEEPS


def wakes_by_itself(pid: int) -> bool:
    """Return whether a thread of this process may do something within an exchange though nothing arrives for it.

    True as well if the system does not report it. A signal that the process has asked for (alarm(2)) is not seen.
    """
    try:
        calls = [(task / "syscall").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
        return any(map(_has_time_limit, calls)) or _has_timer(pid)
    except OSError:
        return True


def _has_time_limit(call: str) -> bool:
    """Return whether a thread is not in a system call that waits without an end; `call` is what the kernel shows."""
    number, *rest = call.split()
    if number in ("running", "-1"):
        return True
    name = CALLS.get(int(number), "")
    arguments = [int(each, 16) for each in rest]
    if name in MILLISECONDS:
        limit = ctypes.c_int(arguments[MILLISECONDS[name]]).value
        return FOREVER < limit < LONG
    if name == "futex" and arguments[1] & FUTEX_COMMAND not in FUTEX_WAITS:
        return True
    if name in ADDRESS:
        return arguments[ADDRESS[name]] != 0
    return name not in UNLIMITED


def _has_timer(pid: int) -> bool:
    """Return whether the process holds a timer that it can wait for like for a file (timerfd_create(2))."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # it was closed
            if "timerfd" in link.readlink().name:
                return True
    return False
