"""Notices when the user saves a file."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from watchfiles import Change, DefaultFilter, watch

from labcheck.submission.files import regular_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labcheck.workbook.labs import Lab

STEP = 30  # milliseconds without a change: then all files of one save are there
GROUPED = 500  # milliseconds in which changes that go on and on are grouped
LOOK_AGAIN = 500  # milliseconds after which the files are looked at even if the system has reported nothing
HALF_SAVED = 1.0  # seconds that an editor may take to write a file that it has emptied or removed
MOST_SAVES, IN_SECONDS = 5, 5.0  # a file that changes more often than this is not saved by a person

Snapshot = dict[str, tuple[int, int, int]]  # by relative path: inode, size in bytes, time of change in ns
is_of_user = DefaultFilter()  # not the temporary files of editors, and the like


class Saves:
    """Calls `tell` in a thread of its own after each save of a file in the folder, until it is closed.

    The system reports changes at once. File systems that report none (network drives, folders shared with a container)
    are looked at twice a second.
    """

    def __init__(self, lab: Lab, folder: Path, tell: Callable[[], None]) -> None:
        self._programs = {program.file for program in lab.programs}
        self._folder = folder
        self._tell = tell
        self._stopped = threading.Event()
        self._seen = self.snapshot()
        self._half_saved = 0.0  # since when a program has been empty or missing
        self._changes: dict[str, deque[float]] = {}  # when each file has changed
        self._noisy: set[str] = set()  # files that a program writes, such as a log
        self._thread = threading.Thread(target=self._watch, name="saves", daemon=True)
        self._thread.start()

    def snapshot(self) -> Snapshot:
        """Return which files there are, and which version of each."""
        found: Snapshot = {}
        try:
            for file, relative in regular_files(self._folder, follow_links=True):
                if not relative.name.startswith(".") and is_of_user(Change.modified, str(file)):
                    facts = file.stat()
                    found[str(relative)] = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        except OSError:  # one of them has just been removed: the next look is complete
            pass
        return found

    def is_current(self) -> bool:
        """Return whether nothing has changed since the last call of `tell`."""
        return not self._changed(self.snapshot())

    def close(self) -> None:
        """Stop watching."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.is_set():
            changes = watch(
                self._folder,
                watch_filter=None,
                debounce=GROUPED,
                step=STEP,
                stop_event=self._stopped,
                rust_timeout=LOOK_AGAIN,
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            )
            try:
                inode = self._folder.stat().st_ino
                for _ in changes:
                    self._look()
                    if self._folder.stat().st_ino != inode:
                        break  # the folder was replaced; changes in the new one are not reported yet
            except OSError:  # the folder is gone
                self._look()
                self._stopped.wait(LOOK_AGAIN / 1000)

    def _look(self) -> None:
        now = self.snapshot()
        changed = self._changed(now)
        if not changed:
            return
        if any(_has_content(self._seen, name) and not _has_content(now, name) for name in self._programs):
            self._half_saved = self._half_saved or time.monotonic()
            if time.monotonic() < self._half_saved + HALF_SAVED:
                return
        self._half_saved = 0.0
        self._seen = now
        for name in changed:
            times = self._changes.setdefault(name, deque(maxlen=MOST_SAVES))
            times.append(time.monotonic())
            if len(times) == MOST_SAVES and times[-1] - times[0] < IN_SECONDS and not name.endswith(".py"):
                self._noisy.add(name)
        self._tell()

    def _changed(self, now: Snapshot) -> set[str]:
        """Return the files that differ from those seen last."""
        return {name for name, _ in now.items() ^ self._seen.items()} - self._noisy


def _has_content(files: Snapshot, name: str) -> bool:
    return name in files and files[name][1] > 0
