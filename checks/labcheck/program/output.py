"""A program's output: read continuously, kept within limits, and searched for lines."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from typing import IO, TYPE_CHECKING

from labcheck.program import clock
from labcheck.program.matchers import NEVER_AWAITED, OVERLAP, Line, Matcher, Text, Traceback, Window

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD = 16 * 1024  # bytes kept from the beginning
TAIL = 48 * 1024  # and from the end
CHUNK = 256 * 1024
TRACEBACK = Traceback.name
COMPLAINTS = (TRACEBACK, NEVER_AWAITED)  # always watched


class Output:
    """One standard stream of a program, read by its own thread until it ends.

    The pipe never fills, no matter how much the program prints, and only HEAD + TAIL bytes are kept. `watch` are the
    texts to search for in all output, `fold` the same ignoring case. `prompts` are texts without a line end; they are
    counted, and a line may follow one of them.

    On POSIX systems the pipe is read and its content kept under one lock. Every byte is then either in the pipe or
    kept, and "all that it has printed" is exact even if the thread runs late.
    """

    def __init__(
        self, pipe: IO[bytes], watch: Iterable[str], fold: Iterable[str] = (), prompts: Iterable[str] = ()
    ) -> None:
        self._pipe = pipe
        self._before = b"\n"  # the output before the next piece; a newline, so the first line begins like any other
        self._prompts = [prompt.encode() for prompt in prompts]
        self._matchers: dict[str, Matcher] = {TRACEBACK: Traceback(), NEVER_AWAITED: Text(NEVER_AWAITED)}
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

    @property
    def has_ended(self) -> bool:
        """Whether every process that could print has ended or closed the stream."""
        return self._ended

    def wait_for(self, *texts: str, seconds: float, since: int = 0) -> bool:
        """Wait up to `seconds` until one of some watched texts is printed at offset `since` or later.

        Returns whether it was.
        """
        limit = clock.now() + seconds
        with self._changed:
            while not any(self.has(text, since) for text in texts):
                left = limit - clock.now()
                if left <= 0 or self._ended:
                    return False
                self._changed.wait(left)
        return True

    def has(self, text: str, since: int = 0) -> bool:
        """Return whether a watched text has been printed at offset `since` or later."""
        return self._matchers[text].last >= since

    def count(self, text: str) -> int:
        """Return how often a watched text or a prompt has been printed so far."""
        return self._matchers[text].count

    def expect_line(self, line: str) -> None:
        """Start counting a whole line (see `matchers.Line`)."""
        with self._changed:
            self._lines.setdefault(line, Line(line, self._prompts))

    def lines(self, line: str) -> int:
        """Return how often a line has been printed since `expect_line` named it."""
        return self._lines[line].count

    def begin_line(self) -> None:
        """Treat the next output as the beginning of a line: on a terminal, the user's Enter ends the prompt's line."""
        with self._changed:
            self._before = b"\n"

    def is_drained(self) -> bool:
        """Return whether all output so far has been read, as far as the system reports it."""
        waiting = b""
        if sys.platform != "win32":
            import fcntl
            import termios

            with contextlib.suppress(OSError, ValueError), self._changed:
                waiting = fcntl.ioctl(self._pipe.fileno(), termios.FIONREAD, bytes(4))
        return not any(waiting)

    def catch_up(self) -> None:
        """Read all output so far, even if another process keeps the pipe open."""
        if sys.platform != "win32":
            with contextlib.suppress(OSError, ValueError), self._changed:
                self._take_up()  # one read takes everything that a pipe holds
        else:
            self._thread.join(0.5)

    def finish(self, seconds: float) -> None:
        """Wait up to `seconds` until all output has been read."""
        self._thread.join(seconds)

    def text(self, since: int = 0) -> str:
        """Return the output from byte `since` on; a note says how many bytes were left out."""
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

    def kept(self) -> tuple[bytes, bytes]:
        """Return the beginning of the output and its end, as bytes: together all of it, unless it was too long."""
        with self._changed:
            return bytes(self._head), bytes(self._tail)

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
    """Enlarge the pipe to the size of one read (Linux; pipe(7))."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, CHUNK)
