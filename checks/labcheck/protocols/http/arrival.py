"""The moment when the answer to a request arrives, noted while something else is done."""

from __future__ import annotations

import contextlib
import select
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

LOOK = 0.25  # seconds between two looks whether the connection was closed here


class Arrival:
    """Waits in a thread until something arrives on a connection, or its other side closes it; reads nothing."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._begun = time.monotonic()
        self._ended: float | None = None
        threading.Thread(target=self._wait, daemon=True).start()

    @property
    def seconds(self) -> float:
        """The seconds from the beginning to the arrival; to this moment if nothing has arrived. A program's own clock
        goes on while labcheck's stands still, so this is the time of the system.
        """
        return (self._ended or time.monotonic()) - self._begun

    def _wait(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # it was closed here
            while self._socket.fileno() >= 0:
                if select.select([self._socket], [], [], LOOK)[0]:
                    self._ended = time.monotonic()
                    return
