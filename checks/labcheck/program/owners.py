"""Whose port it is: the sockets that listen on it, the clients that wait there, and the processes that have them open.

The kernel tells it (Linux, sock_diag(7)).

`sockets.listening` gives the same answer on all systems, but reads the table of all connections, which takes
milliseconds. The kernel answers a question about one port in a tenth of a millisecond.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
TCP_LISTEN = 10
HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence number, port id
QUERY = struct.Struct("=BBBxI")  # the start of inet_diag_req_v2: family, protocol, extensions, states
PORTS = struct.Struct("!HH44x")  # inet_diag_sockid: source port, destination port, addresses and more
FIELDS = struct.Struct("=IIII")  # in inet_diag_msg: idiag_rqueue, idiag_wqueue, idiag_uid, idiag_inode
OFFSET = 56  # of these fields
SPACE = 1 << 16  # bytes for one datagram of the answer


def listeners(port: int) -> dict[str, int] | None:
    """Return the sockets that listen on a TCP port, by their names in /proc/PID/fd, each with its user id.

    None: the system does not report them.
    """
    found = _listeners(port)
    return None if found is None else {f"socket:[{inode}]": uid for _, uid, inode in found}


def waiting(port: int) -> int | None:
    """Return how many clients have connected to a port and were not accepted yet; None if nobody reports that."""
    found = _listeners(port)
    return sum(queue for queue, _, _ in found) if found else None


def belong_to(sockets: Container[str], pids: Iterable[int]) -> bool:
    """Return whether one of these processes has one of the sockets open.

    A process whose files cannot be read counts as one that has.
    """
    for pid in pids:
        try:
            if _has_open(pid, sockets):
                return True
        except PermissionError:
            return True
        except OSError:
            continue  # it has ended
    return False


def hold_sockets(pids: Iterable[int], number: int) -> bool:
    """Return whether these processes together have at least the given number of sockets open.

    False if the system does not report it. A process whose files cannot be read counts as one that has.
    """
    found: set[str] = set()
    for pid in pids:
        try:
            for file in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):  # it was closed
                    found.add(str(file.readlink()))
        except PermissionError:
            return True
        except OSError:
            continue  # it has ended
    return sum(name.startswith("socket:") for name in found) >= number


def are_foreign(sockets: dict[str, int], uid: int | None) -> bool:
    """Return whether it is proven that none of these sockets belongs to a descendant of this process.

    A list of descendants that lacks the owners proves nothing, because it may change while it is read. So the owners
    are searched for among all processes. If the system does not show them, the users of the sockets decide: `uid` is
    the user id of the programs, None if it is that of this process.
    """
    if sys.platform != "linux":
        return False
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or belongs to another user
            if _has_open(pid := int(folder.name), sockets):
                found.append(pid)
    if found:
        return all(map(_is_outside, found))
    return {os.getuid(), uid}.isdisjoint(sockets.values())


def _has_open(pid: int, sockets: Container[str]) -> bool:
    """Return whether a process has one of the sockets open. Raises OSError if its files cannot be read."""
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed
            if str(file.readlink()) in sockets:
                return True
    return False


def _is_outside(pid: int) -> bool:
    """Return whether it is certain that a process is not a descendant of this one."""
    try:
        return os.getpid() not in processes.ancestors(pid)
    except OSError:
        return False


def _listeners(port: int) -> list[tuple[int, int, int]] | None:
    """Return, for each socket that listens on a port: its clients that wait, its user id and its inode number."""
    if sys.platform != "linux":
        return None
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
            return [each for family in (socket.AF_INET, socket.AF_INET6) for each in _ask(kernel, family, port)]
    except OSError:  # for example a kernel without inet_diag
        return None


def _ask(kernel: socket.socket, family: int, port: int) -> Iterator[tuple[int, int, int]]:
    """Yield the same for the sockets of one family. Raises OSError."""
    query = QUERY.pack(family, socket.IPPROTO_TCP, 0, 1 << TCP_LISTEN) + PORTS.pack(port, 0)
    kernel.send(HEADER.pack(HEADER.size + len(query), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0) + query)
    while True:
        answer = kernel.recv(SPACE)
        while answer:
            length, kind, *_ = HEADER.unpack_from(answer)
            message, answer = answer[HEADER.size : length], answer[length + -length % 4 :]
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                raise OSError(-struct.unpack_from("=i", message)[0], "sock_diag")
            queue, _, uid, inode = FIELDS.unpack_from(message, OFFSET)
            yield queue, uid, inode
