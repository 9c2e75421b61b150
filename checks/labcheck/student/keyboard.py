"""The keys that the user presses, one by one and without Enter."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

NAMES = {  # what a terminal sends for keys that are no characters (xterm, and thereby nearly all of them)
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    "\r": "enter",
    "\n": "enter",
    " ": "page down",
    "\x1b": "escape",
    "\x0c": "redraw",  # Ctrl+L
}
WINDOWS_NAMES = {"H": "up", "P": "down", "I": "page up", "Q": "page down"}  # after a character 0 or 224


class Keyboard:
    """Calls `tell` with the name of each key, in a thread of its own. Afterwards, the terminal is as it was before.

    Ctrl+C still interrupts; Ctrl+Z is ignored. If standard input is no terminal, there are no keys.
    """

    _file: int  # the terminal
    _stop: int  # a pipe that can be read when the thread is to end

    def __init__(self, tell: Callable[[str], None], wanted: bool) -> None:
        self._tell = tell
        self.is_there = wanted and sys.stdin is not None and sys.stdin.isatty()

    def __enter__(self) -> Keyboard:
        if self.is_there:
            if sys.platform == "win32":
                threading.Thread(target=self._read_console, name="keys", daemon=True).start()
            else:
                import termios
                import tty

                self._file = sys.stdin.fileno()
                self._before = termios.tcgetattr(self._file)
                tty.setcbreak(self._file)
                modes = termios.tcgetattr(self._file)
                modes[6][termios.VSUSP] = os.fpathconf(self._file, "PC_VDISABLE")
                termios.tcsetattr(self._file, termios.TCSANOW, modes)
                self._stop, self._woken = os.pipe()
                self._thread = threading.Thread(target=self._read_terminal, name="keys", daemon=True)
                self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_there and sys.platform != "win32":
            import termios

            os.close(self._woken)
            self._thread.join()
            os.close(self._stop)
            termios.tcsetattr(self._file, termios.TCSADRAIN, self._before)

    def _read_terminal(self) -> None:
        import select

        while True:
            ready, _, _ = select.select([self._file, self._stop], [], [])
            if self._stop in ready:
                return
            try:
                data = os.read(self._file, 1024).decode("utf-8", "replace")
            except OSError:  # the terminal is gone
                return
            if not data:
                return
            for key in [data] if data in NAMES else data:
                self._tell(NAMES.get(key, key))

    def _read_console(self) -> None:
        if sys.platform == "win32":
            import msvcrt

            while True:
                key = msvcrt.getwch()
                self._tell(WINDOWS_NAMES.get(msvcrt.getwch(), "") if key in "\0\xe0" else NAMES.get(key, key))
