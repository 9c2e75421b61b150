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
TRIES = 500
LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


class Port:
    """A port that no other labcheck process on this machine uses while this object is held.

    `wanted` is its number; None: any free one. Raises OSError if the port is taken, or if none is free.
    """

    def __init__(self, wanted: int | None = None) -> None:
        # This number does not depend on the seed: two runs with the same seed must use different ports.
        draw = random.SystemRandom()
        some = (draw.randrange(FIRST, FIRST + RANGE) for _ in range(TRIES))
        for number in some if wanted is None else [wanted]:
            twin = open_socket()
            try:
                twin.bind(("127.0.0.1", number + RANGE))
            except OSError:
                twin.close()
                continue
            if is_free(number, even_lately_used=wanted is not None):
                self.number = number
                self._twin = twin
                return
            twin.close()
        raise OSError(f"port {wanted} is taken" if wanted else f"no free port among {TRIES} from {FIRST} on")

    def release(self) -> None:
        """Release the port."""
        self._twin.close()


def is_free(number: int, *, even_lately_used: bool = False) -> bool:
    """Return whether a program could listen on the port now, on every loopback address.

    `even_lately_used`: if it sets SO_REUSEADDR. Otherwise it cannot use a port whose last connections are in TIME_WAIT.
    """
    for family, host in LOOPBACK:
        try:
            probe = open_socket(family)
        except OSError:  # a machine without IPv6
            continue
        with probe:
            if even_lately_used:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, number))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:  # this machine has ::1 switched off
                    return False
    return True
