"""Whether a process goes on by itself, or waits for somebody, as far as the system tells (Linux, proc(5))."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Callable

POLL = 0.005  # seconds between two looks
STANDSTILL = 0.05  # seconds that are more than a process which looks every POLL is ever late, unless it was stopped

Threads = list[tuple[str, str]]  # each thread's state, and how long it has run, in nanoseconds


class Activity:
    """What a process does. It rests only while `is_drained` says that all it has printed was read."""

    def __init__(self, pid: Callable[[], int], is_drained: Callable[[], bool]) -> None:
        self._pid = pid
        self._is_drained = is_drained
        self._last_seen: Threads | None = None
        self._looked_at = 0.0
        self._rested = 0.0  # seconds

    def wait_until_idle(self, seconds: float) -> None:
        """Wait until the process waits for somebody again, where the system tells; at most so long.

        What it has to do and to print is done then. And Python drops a KeyboardInterrupt that is raised
        inside a weak reference's callback, as when a client's thread is cleared away: nobody types
        Ctrl+C within that millisecond, so neither do we.

        What does not count is time in which it wants to run and gets no processor; three times as long at most.
        """
        left, at_most = seconds, time.monotonic() + 4 * seconds
        before, looked_at = None, time.monotonic()
        while left > 0 and looked_at < at_most:
            now = self.threads()
            if now == before and not _is_busy(now) and self._is_drained():
                return
            time.sleep(POLL)
            since, looked_at = looked_at, time.monotonic()
            if now != before or not _is_busy(now):
                left -= min(looked_at - since, STANDSTILL)
            before = now

    def begin_rest(self) -> None:
        """Let its rest count from now on: it may have had nothing to do for long."""
        self._last_seen, self._looked_at, self._rested = None, time.monotonic(), 0.0

    def has_rested(self, seconds: float) -> bool:
        """Return whether it has done nothing for so many seconds, as far as the system tells; to be asked often."""
        now, looked_at = self.threads(), time.monotonic()
        if now is None or now != self._last_seen or _is_busy(now) or not self._is_drained():
            self._rested = 0.0
        else:
            # Where the machine stood still between two looks, nobody rested.
            self._rested += min(looked_at - self._looked_at, STANDSTILL)
        self._last_seen, self._looked_at = now, looked_at
        return self._rested > seconds

    def threads(self) -> Threads | None:
        """Return what its threads do (stat and schedstat); None where the system does not tell."""
        try:
            tasks = sorted(Path(f"/proc/{self._pid()}/task").iterdir())
            return [(processes.state_of(task), (task / "schedstat").read_text().split()[0]) for task in tasks]
        except (OSError, IndexError):
            return None


def _is_busy(threads: Threads | None) -> bool:
    """Return whether one of the threads runs, wants to run (R), or waits for the disk (D): it goes on by itself."""
    return any(state in "RD" for state, _ in threads or ())
