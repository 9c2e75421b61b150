"""Ports for programs that are judged: free, and ours until the program has ended.

A port that was free a moment ago may be anybody's now, above all while many submissions are
graded at once. So each port has a twin, RANGE numbers above it: who holds the twin bound may
use the port. The kernel lets the twin go when its holder ends, however it ends.
"""

from __future__ import annotations

import errno
import random
import socket

FIRST = 20_000
RANGE = 6_000  # both ranges end below 32768, where the kernel begins to give ports away
LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


class Port:
    """A port number that no other labcheck on this machine uses while this object is held."""

    def __init__(self) -> None:
        # Of all random numbers this one is not the seed's: two runs with one seed must differ here.
        for number in random.SystemRandom().sample(range(FIRST, FIRST + RANGE), 500):
            twin = socket.socket()
            try:
                twin.bind(("127.0.0.1", number + RANGE))
            except OSError:
                twin.close()
                continue
            if is_free(number):
                self.number = number
                self._twin = twin
                return
            twin.close()
        raise OSError(f"no free port among 500 of {FIRST} to {FIRST + RANGE - 1}")

    def release(self) -> None:
        """Let others use the port."""
        self._twin.close()


def is_free(number: int) -> bool:
    """Return whether a program could listen on the port now, on each loopback address."""
    for family, host in LOOPBACK:
        try:
            probe = socket.socket(family)
        except OSError:  # a machine without IPv6
            continue
        with probe:
            # Without SO_REUSEADDR: a port whose last connections are in TIME_WAIT is no port for a
            # program that does not set it either.
            try:
                probe.bind((host, number))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:  # that is a machine whose ::1 is switched off
                    return False
    return True
