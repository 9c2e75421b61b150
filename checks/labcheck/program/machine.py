"""What every grading needs of this machine: open files and the loopback interface. Their lack costs no point."""

from __future__ import annotations

import errno
import os
import socket
import sys

from labcheck.errors import MachineError

OPEN_FILES = 512  # twice of what the checks of fifty clients need
LOOPBACK_WITHIN = 1.0  # seconds
EXHAUSTED = {errno.EMFILE, errno.ENFILE}
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def require() -> None:
    """Raise the limit on open files if it is low, and test the loopback interface. Raises MachineError."""
    if sys.platform != "win32":
        import contextlib
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
            most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            socket.create_connection(listener.getsockname(), LOOPBACK_WITHIN).close()
    except OSError as error:
        raise lack(error) or MachineError(
            f"this machine's loopback interface is down ({error.strerror or error}), so no program can be reached; "
            "switch it on (on Linux: `ip link set lo up`, as root) and try again"
        ) from None


def lack(error: BaseException) -> MachineError | None:
    """Return what this machine lacks if that is why an exception was raised, otherwise None."""
    if isinstance(error, MachineError):
        return error
    if isinstance(error, OSError) and error.errno in EXHAUSTED:
        return MachineError(
            f"labcheck has too many open files: {_limit()}. Allow more with `ulimit -n {OPEN_FILES}` "
            "in a new terminal, and try again"
        )
    if isinstance(error, OSError) and error.errno in FULL:
        place = f" for {os.fsdecode(error.filename)}" if error.filename else ""
        return MachineError(f"there is no space left on this machine{place}; free some space and try again")
    return None


def open_socket(family: int = socket.AF_INET) -> socket.socket:
    """Return a new TCP socket.

    Raises OSError if the machine does not have this address family, and MachineError if too many files are open: that
    must not look like a program that does not listen.
    """
    try:
        return socket.socket(family)
    except OSError as error:
        raise lack(error) or error from None


def _limit() -> str:
    if sys.platform == "win32":
        return "the system's limit is used up"
    import resource

    return f"its limit is {resource.getrlimit(resource.RLIMIT_NOFILE)[0]} (`ulimit -n`)"
