"""The end of a check that does not end by itself: its place in the suite, and an exception in its thread.

Every wait in labcheck has a limit, so a check that is still running long after its deadline is its author's mistake: it
sleeps, or it loops for ever. That must cost no student a point.
"""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.workbook.labs import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


class OverdueError(BaseException):
    """A check was still running `seconds` after it had begun, at `place`; a suite does not catch this."""

    def __init__(self, place: str = "", seconds: float = 0.0) -> None:
        super().__init__(f"it was still running after {seconds:.0f} s; a check must not sleep or loop for ever")
        self.place = place


class Alarm:
    """Raises OverdueError in the thread that has made it, while code of a suite runs there: `with alarm:`.

    A signal also ends a `sleep`. Without signals (on Windows, and in a thread that is not the main one), the exception
    comes when the next line of Python runs.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._is_in_suite = False
        self.by_signal = sys.platform != "win32" and threading.current_thread() is threading.main_thread()
        if sys.platform != "win32" and self.by_signal:
            self._before = signal.signal(signal.SIGALRM, self._raise)

    def __enter__(self) -> None:
        self._is_in_suite = True

    def __exit__(self, *_: object) -> None:
        self._is_in_suite = False
        if not self.by_signal:
            with self._lock:  # an exception that is still to come would hit labcheck
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), None)

    def place(self) -> str:
        """Return the innermost place in the suite where the thread is, such as `suites/mini/test_2_names.py:19`."""
        frame = sys._current_frames().get(self._thread)
        while frame is not None:
            file = Path(frame.f_code.co_filename)
            if any(file.is_relative_to(folder) for folder in self._folders):
                return f"{shown(file)}:{frame.f_lineno}"
            frame = frame.f_back
        return ""

    def ring(self) -> None:
        """Raise the exception; called in another thread. Nothing happens if no code of the suite runs."""
        if sys.platform != "win32" and self.by_signal:
            signal.pthread_kill(self._thread, signal.SIGALRM)
            return
        with self._lock:
            if self._is_in_suite:
                error = ctypes.py_object(OverdueError)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), error)

    def close(self) -> None:
        """Let the signal mean what it meant before."""
        if sys.platform != "win32" and self.by_signal:
            signal.signal(signal.SIGALRM, self._before)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._is_in_suite:
            raise OverdueError
