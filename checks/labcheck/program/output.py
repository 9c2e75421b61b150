"""What a program prints: drained all the time, kept within bounds, and watched for lines."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

from labcheck.program.matchers import OVERLAP, Line, Matcher, Text, Traceback, Window

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD = 16 * 1024  # bytes kept of the beginning
TAIL = 48 * 1024  # and of the end
CHUNK = 256 * 1024
TRACEBACK = Traceback.name  # watched always


class Output:
    """One standard stream of a program, read by a thread of its own until it ends.

    Whatever a program prints, its pipe never fills, and no more than HEAD + TAIL bytes are kept.
    `watch` are texts that are looked for in everything that passes, `fold` the same in any case.
    `prompts` are texts without a line end that are counted; a line may follow one of them.

    Where the system allows it, what is read is kept under the same lock: nothing is ever neither in the pipe
    nor kept, and "all that it has printed" is exact however late the thread gets its turn.
    """

    def __init__(
        self, pipe: IO[bytes], watch: Iterable[str], fold: Iterable[str] = (), prompts: Iterable[str] = ()
    ) -> None:
        self._pipe = pipe
        self._before = b"\n"  # what came last; the first line starts like every other
        self._prompts = [prompt.encode() for prompt in prompts]
        self._matchers: dict[str, Matcher] = {TRACEBACK: Traceback()}
        self._matchers |= {text: Text(text) for text in (*watch, *prompts)}
        self._matchers |= {text: Text(text, fold=True) for text in fold}
        self._lines: dict[str, Line] = {}
        self._changed = threading.Condition()
        self._head = bytearray()
        self._tail = bytearray()
        self._total = 0
        self._ended = False
        _widen(pipe)
        if sys.platform != "win32":
            os.set_blocking(pipe.fileno(), False)
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
        return self._matchers[text].last >= since

    def count(self, text: str) -> int:
        """Return how often a watched text, or a prompt, was printed so far."""
        return self._matchers[text].count

    def expect_line(self, line: str) -> None:
        """Count a whole line from now on (see `matchers.Line`)."""
        with self._changed:
            self._lines.setdefault(line, Line(line, self._prompts))

    def lines(self, line: str) -> int:
        """Return how often a line that `expect_line` has named was printed since."""
        return self._lines[line].count

    def begin_line(self) -> None:
        """Take what comes next for the beginning of a line: on a terminal, the user's Enter ends the prompt's."""
        with self._changed:
            self._before = b"\n"

    def is_drained(self) -> bool:
        """Return whether all that was printed so far has been read, as far as the system tells."""
        waiting = b""
        if sys.platform != "win32":
            import fcntl
            import termios

            with contextlib.suppress(OSError, ValueError), self._changed:
                waiting = fcntl.ioctl(self._pipe.fileno(), termios.FIONREAD, bytes(4))
        return not any(waiting)

    def catch_up(self) -> None:
        """Take up all that was printed so far, though a process that goes on may hold the pipe open."""
        if sys.platform != "win32":
            with contextlib.suppress(OSError, ValueError), self._changed:
                self._take_up()  # one read takes all that a pipe holds
        else:
            self._thread.join(0.5)

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
        with contextlib.suppress(OSError, ValueError):  # the pipe was closed under the read
            if sys.platform != "win32":
                poll = select.poll()
                poll.register(self._pipe.fileno(), select.POLLIN)
                while not self._ended:
                    poll.poll()
                    with self._changed:
                        self._take_up()
            else:
                while chunk := os.read(self._pipe.fileno(), CHUNK):
                    with self._changed:
                        self._take(chunk)
        with self._changed:
            self._end()

    def _take_up(self) -> None:
        with contextlib.suppress(BlockingIOError):
            if chunk := os.read(self._pipe.fileno(), CHUNK):
                self._take(chunk)
            else:
                self._end()

    def _take(self, chunk: bytes) -> None:
        self._watch(self._before, chunk)
        self._keep(chunk)
        self._before = (self._before + chunk)[-OVERLAP:]
        self._changed.notify_all()

    def _end(self) -> None:
        if not self._ended:
            self._watch(self._before, b"\n")  # a last line may lack its end
            self._ended = True
            self._changed.notify_all()

    def _watch(self, before: bytes, piece: bytes) -> None:
        window = Window(before, piece, self._total - len(before))
        for matcher in (*self._matchers.values(), *self._lines.values()):
            matcher.feed(window)

    def _keep(self, chunk: bytes) -> None:
        self._total += len(chunk)
        if (room := HEAD - len(self._head)) > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        self._tail += chunk[-TAIL:]
        del self._tail[:-TAIL]


def _widen(pipe: IO[bytes]) -> None:
    """Let the pipe hold as much as one read takes (Linux; pipe(7))."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, CHUNK)
