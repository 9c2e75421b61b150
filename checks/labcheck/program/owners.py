"""Whose port it is: the sockets that listen on it, and the processes that have them open (Linux, sock_diag(7)).

`sockets.listening` gives the same answer on all systems, but reads the table of all connections, which takes
milliseconds. The kernel answers a question about one port in a tenth of a millisecond.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
TCP_LISTEN = 10
HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence number, port id
QUERY = struct.Struct("=BBBxI")  # the start of inet_diag_req_v2: family, protocol, extensions, states
PORTS = struct.Struct("!HH44x")  # inet_diag_sockid: source port, destination port, addresses and more
INODE = 68  # the offset of idiag_inode in inet_diag_msg
SPACE = 1 << 16  # bytes for one datagram of the answer


def listeners(port: int) -> set[str] | None:
    """Return the sockets that listen on a TCP port, under their names in /proc/PID/fd.

    None: the system does not report them.
    """
    if sys.platform != "linux":
        return None
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
            return {
                f"socket:[{inode}]"
                for family in (socket.AF_INET, socket.AF_INET6)
                for inode in _ask(kernel, family, port)
            }
    except OSError:  # for example a kernel without inet_diag
        return None


def belong_to(sockets: set[str], pids: Iterable[int]) -> bool:
    """Return whether one of these processes has one of the sockets open.

    A process whose files cannot be read counts as one that has.
    """
    for pid in pids:
        try:
            for file in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if str(file.readlink()) in sockets:
                        return True
        except PermissionError:
            return True
        except OSError:
            continue  # it has ended
    return False


def _ask(kernel: socket.socket, family: int, port: int) -> Iterator[int]:
    """Yield the inode numbers of the sockets of a family that listen on a port. Raises OSError."""
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
            yield struct.unpack_from("=I", message, INODE)[0]
