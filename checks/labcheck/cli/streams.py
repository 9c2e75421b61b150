"""Standard output and standard error of the command. A result does not depend on who reads them.

A stream may be closed (`2>&-`), or its reader may leave before the end (`| head -3`): the command goes on, writes its
files, and ends with its usual exit status. Only if there is no space left for the output, the command has failed.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, TextIO

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Sink(io.FileIO):
    """The file of a standard stream. What cannot be written is dropped; `full` is the error if space ran out."""

    full: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write some of the data, and return the number of its bytes that are done with."""
        try:
            return super().write(data) or 0  # 0: a full pipe that does not block; the caller tries again
        except OSError as error:
            if error.errno in FULL:
                self.full = error
            return memoryview(data).nbytes


def prepare() -> None:
    """Open the streams that are closed, and replace them by ones that never fail."""
    for descriptor in range(3):  # otherwise, the next file or socket gets the number of a closed stream
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # as an open stream is
    sys.stdout, sys.stderr = (_stream(number, now) for number, now in ((1, sys.stdout), (2, sys.stderr)))


def _stream(descriptor: int, now: TextIO | None) -> TextIO:
    if isinstance(now, io.TextIOWrapper) and sys.platform == "win32" and now.isatty():
        now.reconfigure(errors="backslashreplace")  # a console there is not a file
        return now
    sink = Sink(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(sink),
        encoding=now.encoding if now else "utf-8",
        errors="backslashreplace",  # the charset of an old terminal must not cause an error
        line_buffering=descriptor == 2 or sink.isatty(),
    )


def finish() -> str:
    """Write out the streams. Return why standard output is not complete; empty if it is, or if its reader has left."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    full = raw.full if isinstance(raw, Sink) else None
    sys.stderr.flush()
    return "" if full is None else f"cannot write to standard output: {full.strerror}"
