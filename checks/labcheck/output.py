"""What a program prints: drained all the time, kept within bounds, and watched for lines."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD = 16 * 1024  # bytes kept of the beginning
TAIL = 48 * 1024  # and of the end
CHUNK = 256 * 1024
TRACEBACK = "Traceback"  # watched always, and only where a line starts with it


class Output:
    """One standard stream of a program, read by a thread of its own until it ends.

    Whatever a program prints, its pipe never fills, and no more than HEAD + TAIL bytes are kept.
    `watch` are texts that are looked for in everything that passes, `fold` the same in any case.
    """

    def __init__(self, pipe: IO[bytes], watch: Iterable[str], fold: Iterable[str] = ()) -> None:
        self._pipe = pipe
        self._exact = {text: text.encode() for text in watch}
        self._folded = {text: text.lower().encode() for text in fold}
        self._last: dict[str, int] = {}  # where a watched text was seen last, in bytes from the start
        self._changed = threading.Condition()
        self._head = bytearray()
        self._tail = bytearray()
        self._total = 0
        self._ended = False
        if sys.platform == "linux":
            _widen(pipe)
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    @property
    def total(self) -> int:
        """The number of bytes printed so far."""
        return self._total

    def wait_for(self, text: str, seconds: float, since: int = 0) -> bool:
        """Wait until a watched text has been printed, at `since` bytes or later."""
        limit = time.monotonic() + seconds
        with self._changed:
            while not self.has(text, since):
                left = limit - time.monotonic()
                if left <= 0 or self._ended:
                    return False
                self._changed.wait(left)
        return True

    def has(self, text: str, since: int = 0) -> bool:
        """Return whether a watched text has been printed, at `since` bytes or later."""
        return self._last.get(text, -1) >= since

    def finish(self, seconds: float) -> None:
        """Wait until everything that was printed has been read; at most so long."""
        self._thread.join(seconds)

    def text(self, since: int = 0) -> str:
        """Return what was printed from the `since`th byte on; what was not kept is counted."""
        with self._changed:
            head, tail, total = bytes(self._head), bytes(self._tail), self._total
        tail_starts = total - len(tail)
        lost = tail_starts - len(head)
        if lost > 0:
            shown = head[since:] + f"\n[... {lost:,} bytes left out ...]\n".encode()
            shown += tail[max(0, since - tail_starts) :]
        else:
            shown = (head + tail)[since:]
        return shown.decode("utf-8", "replace").replace("\r\n", "\n")

    def _drain(self) -> None:
        overlap = max(map(len, (*self._exact, *self._folded, TRACEBACK)))
        before = b"\n"  # the first line starts like every other
        with contextlib.suppress(OSError, ValueError):  # the pipe was closed under the read
            while chunk := os.read(self._pipe.fileno(), CHUNK):
                with self._changed:
                    self._watch(before, chunk)
                    self._keep(chunk)
                    self._changed.notify_all()
                before = (before + chunk)[-overlap:]
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _watch(self, before: bytes, chunk: bytes) -> None:
        window = before + chunk
        start = self._total - len(before)
        lower = window.lower() if self._folded else b""
        needles = [(text, needle, lower) for text, needle in self._folded.items()]
        needles += [(text, needle, window) for text, needle in self._exact.items()]
        needles.append((TRACEBACK, b"\n" + TRACEBACK.encode(), window))
        for text, needle, stack in needles:
            found = stack.rfind(needle, max(0, len(before) - len(needle) + 1))
            if found >= 0:
                self._last[text] = start + found + len(needle)

    def _keep(self, chunk: bytes) -> None:
        self._total += len(chunk)
        if (room := HEAD - len(self._head)) > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        self._tail += chunk[-TAIL:]
        del self._tail[:-TAIL]


def _widen(pipe: IO[bytes]) -> None:
    """Let the pipe hold as much as one read takes (Linux; pipe(7))."""
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, CHUNK)
