"""Separate network, PID and mount namespaces for the process that grades one submission (Linux, namespaces(7)).

Inside them, no other program can take a port, no traffic leaves the machine, and no process survives: when the first
process of a PID namespace ends, the kernel kills all others before it reports the end.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import struct
import sys
from pathlib import Path

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    *(0x0002_0000, 0x0800_0000, 0x1000_0000),
    *(0x2000_0000, 0x4000_0000),
)
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 16384, 1 << 18
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
PR_SET_PDEATHSIG = 1
SCRATCH = Path("/dev/shm")  # exists on every Linux, and labcheck keeps nothing in it
SCRATCH_SIZE = 256 << 20  # bytes


def unshare() -> None:
    """Put future children of this process into new namespaces. The process must have a single thread.

    Raises OSError if the system forbids it.
    """
    flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        _call("unshare", flags)
        return
    _call("unshare", flags | CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def settle() -> None:
    """Set up the new namespaces, as their first process: /proc, the loopback device, and a folder for files.

    Raises OSError if the system forbids it.
    """
    import fcntl

    _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    mount("proc", Path("/proc"))
    mount("tmpfs", SCRATCH, f"size={SCRATCH_SIZE},mode=755")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def mount(kind: str, place: Path, options: str = "") -> None:
    """Mount a new file system of the given kind. Raises OSError."""
    _call("mount", kind.encode(), bytes(place), kind.encode(), MS_NOSUID | MS_NODEV, options.encode() or None)


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends. Does nothing except on Linux."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            _call("prctl", PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
