"""A thread that calls a function when a deadline was missed, and keeps the clock of all waits going."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from labcheck.program import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.protocols.deadline import Deadline


LOOK = 0.25  # seconds between two looks; waking the watchdog for every exchange would take time


class Watchdog:
    """Calls a function `grace` seconds after a deadline has passed (plus up to LOOK), unless it was renewed.

    It is called again every LOOK seconds until another deadline is watched.
    """

    def __init__(self, action: Callable[[], None], grace: float) -> None:
        self._action = action
        self._grace = grace
        self._changed = threading.Condition()
        self._deadlines: tuple[Deadline, ...] = ()
        self._stopped = False
        clock.start_watch()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def watch(self, *deadlines: Deadline) -> None:
        """Watch these deadlines from now on: the function is called if one of them has passed.

        If the function is running for the previous one, this waits until it has returned: it does not affect anything
        that begins later.
        """
        with self._changed:
            self._deadlines = deadlines

    def stop(self) -> None:
        """Stop the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()
        clock.stop_watch()

    def _watch(self) -> None:
        with self._changed:
            while not self._stopped:
                self._changed.wait(LOOK)
                clock.tick()
                if any(each.at + self._grace < clock.now() for each in self._deadlines):
                    self._action()
