"""Ports for the checked programs: free, and reserved until the program has ended.

A port that was free a moment ago may be taken by now, above all while many submissions are graded at once. So each
port has a twin, RANGE numbers above it, and a labcheck process may use the port only while it holds the twin bound.
The kernel releases the twin when that process ends, no matter how.
"""

from __future__ import annotations

import errno
import random
import socket

from labcheck.program.machine import open_socket

FIRST = 20_000
RANGE = 6_000  # both ranges end below 32768, where the kernel's ephemeral ports begin
LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


class Port:
    """A port number that no other labcheck process on this machine uses while this object is held."""

    def __init__(self) -> None:
        # This number does not depend on the seed: two runs with the same seed must use different ports.
        for number in random.SystemRandom().sample(range(FIRST, FIRST + RANGE), 500):
            twin = open_socket()
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
        """Release the port."""
        self._twin.close()


def is_free(number: int) -> bool:
    """Return whether a program could listen on the port now, on every loopback address."""
    for family, host in LOOPBACK:
        try:
            probe = open_socket(family)
        except OSError:  # a machine without IPv6
            continue
        with probe:
            # Without SO_REUSEADDR: a program that does not set it cannot use a port whose last connections are in
            # TIME_WAIT.
            try:
                probe.bind((host, number))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:  # this machine has ::1 switched off
                    return False
    return True
