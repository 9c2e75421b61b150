"""Sockets: which process listens on a port, and ways to connect and to disconnect."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time
from typing import TYPE_CHECKING

from labcheck.program import owners
from labcheck.program.machine import open_socket
from labcheck.program.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PACE = 0.005  # seconds between two of many connections: a listen backlog of 5 is normal
REACHED = {"127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"}  # a listener on one of these gets our connections
LOOPBACK_WITHIN = 0.25  # seconds for a connection on the same machine


def connect(port: int) -> tuple[tuple[str, int], socket.socket] | None:
    """Return a connection to a port and the loopback address it uses; None if no process listens there."""
    for family, host in LOOPBACK:
        try:
            sock = open_socket(family)
        except OSError:  # a machine without IPv6
            continue
        sock.settimeout(LOOPBACK_WITHIN)
        try:
            sock.connect((host, port))
        except OSError:
            sock.close()
            continue
        with contextlib.suppress(OSError):  # it has been reset already
            if sock.getsockname() == sock.getpeername():  # TCP connected to itself: no process listens
                sock.close()
                continue
        return (host, port), sock
    return None


def is_open(port: int) -> bool:
    """Return whether a process listens on a port.

    If the system does not report it, connect: a full backlog and a reset connection count as listening.
    """
    found = owners.listeners(port)
    if found is not None:
        return bool(found)
    for family, host in LOOPBACK:
        try:
            with open_socket(family) as sock:
                sock.settimeout(LOOPBACK_WITHIN)
                sock.connect((host, port))
        except (TimeoutError, ConnectionResetError):
            return True
        except OSError:
            continue
        return True
    return False


def paced(number: int, port: int) -> Iterator[int]:
    """Yield the numbers from 0 to `number` - 1, slowly enough to open a connection to a port after each of them.

    A server's queue for clients that it has not accepted may be short; a length of 5 is common. So the next number
    comes when this queue is empty, or after PACE if that is earlier or the system does not report it.
    """
    for place in range(number):
        next_one = time.monotonic() + PACE
        yield place
        while (left := next_one - time.monotonic()) > 0 and owners.waiting(port) != 0:
            time.sleep(min(left, PACE / 10))


def was_closed(sock: socket.socket) -> bool:
    """Return whether the other side has closed the connection."""
    sock.setblocking(False)
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def reset(sock: socket.socket) -> None:
    """Close a connection abruptly: the other side gets a TCP reset (RFC 9293, section 3.10.7.4)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0))
    sock.close()


def listening(pids: Iterable[int]) -> set[tuple[str, int]] | None:
    """Return the addresses and ports on which these processes listen; None if the system does not report them."""
    return _addresses(pids, "laddr", {"LISTEN"})


def connected(pids: Iterable[int]) -> set[tuple[str, int]] | None:
    """Return the addresses and ports to which these processes are connected, or try to; None if unknown."""
    return _addresses(pids, "raddr", {"ESTABLISHED", "SYN_SENT", "CLOSE_WAIT"})


def _addresses(pids: Iterable[int], side: str, states: set[str]) -> set[tuple[str, int]] | None:
    import psutil

    found: set[tuple[str, int]] = set()
    for pid in pids:
        try:
            connections = psutil.Process(pid).net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        except (psutil.Error, OSError):
            return None
        addresses = (getattr(each, side) for each in connections if each.status in states)
        found |= {(address.ip, address.port) for address in addresses if address}
    return found


def holder(port: int) -> str | None:
    """Return the name and pid of the process that listens on a port, if the system reports it."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
                continue
            if connection.laddr.port == port:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return None
