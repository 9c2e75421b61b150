"""A thread that does something when a time is over."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


LOOK = 0.25  # seconds between two looks of the watchdog: to wake it at every check would take time


class Watchdog:
    """Does something when a time is over, unless it is set anew before."""

    def __init__(self, bite: Callable[[], None]) -> None:
        self._bite = bite
        self._changed = threading.Condition()
        self._left: float | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def set(self, seconds: float | None) -> None:
        """Wait so many seconds from now, or a LOOK longer; None: wait for the next call.

        What it was about to do for the time before is done when this returns: what is begun next is spared.
        """
        with self._changed:
            self._left = None if seconds is None else seconds + LOOK

    def stop(self) -> None:
        """Watch no longer."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def _watch(self) -> None:
        with self._changed:
            while not self._stopped:
                self._changed.wait(LOOK)
                if self._left is None:
                    continue
                # However long the machine stood still meanwhile, it counts once: who waited for an end of
                # his own has time to see it.
                self._left -= LOOK
                if self._left <= 0:
                    self._left = None
                    self._bite()
