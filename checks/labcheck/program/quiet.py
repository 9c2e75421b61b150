"""A program that a user looks at while it runs: in a notebook, or beside its report."""

from __future__ import annotations

import time

from labcheck.program.program import Program
from labcheck.program.sockets import listening
from labcheck.sandbox import processes

REACHED_AT = {"127.0.0.1": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::1": "::1", "::": "::1"}
LOOK = 0.02  # seconds between two checks whether it listens


class QuietProgram(Program):
    """A program whose port is checked without connecting, so that its output mentions only real clients."""

    _looked = 0.0

    def _try_connect(self) -> bool:
        if time.monotonic() - self._looked < LOOK and not self.has_exited:
            return False
        self._looked = time.monotonic()
        found = listening(processes.tree(self.pid))
        if found is None:  # the system does not provide this information
            answers = super()._try_connect()
            self._drop_first()
            return answers
        reached = [REACHED_AT[host] for host, port in sorted(found) if port == self.port and host in REACHED_AT]
        if reached:
            self.address = (reached[0], self.port)
        return bool(reached)
