"""A thread that calls a function after a time limit."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


LOOK = 0.25  # seconds between two looks; waking the watchdog for every check would take time


class Watchdog:
    """Calls a function after a time limit, unless a new limit is set before."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action
        self._changed = threading.Condition()
        self._left: float | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def set(self, seconds: float | None) -> None:
        """Set the time limit to `seconds` from now (plus up to LOOK); None: no limit.

        If the function is running for the previous limit, this waits until it has returned: it does not affect anything
        that begins later.
        """
        with self._changed:
            self._left = None if seconds is None else seconds + LOOK

    def stop(self) -> None:
        """Stop the thread."""
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
                # A time in which the whole machine stood still counts only once: code that waits for its own limit
                # still gets time to notice it.
                self._left -= LOOK
                if self._left <= 0:
                    self._left = None
                    self._action()
