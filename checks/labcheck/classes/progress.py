"""The progress of work that takes minutes: grading a class, checking the mutants of a solution."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

PRINT_EVERY = 5.0  # seconds between two lines


class Progress:
    """Show progress and remaining time: a bar on a terminal, otherwise a line every PRINT_EVERY seconds.

    `doing` and `done` are the words for the work, before and after it is done.
    """

    def __init__(self, total: int, doing: str = "grading", done: str = "graded") -> None:
        self._total = total
        self._doing, self._finished = doing, done
        self._done = 0
        self._started = self._printed = time.monotonic()
        self._bar: Bar | None = None

    def __enter__(self) -> Progress:
        if sys.stdout.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            rate = TextColumn("{task.fields[rate]} · left:")
            self._bar = Bar(TextColumn(self._doing), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
            self._bar.start()
            self._row = self._bar.add_task("", total=self._total, rate="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self) -> None:
        """Count one more that is done."""
        self._done += 1
        now = time.monotonic()
        rate = self._done / (now - self._started)
        if self._bar is not None:
            self._bar.update(self._row, advance=1, rate=f"{rate:.1f} a second")
        elif now - self._printed > PRINT_EVERY or self._done == self._total:
            self._printed = now
            left = (self._total - self._done) / rate
            print(
                f"{self._done} of {self._total} {self._finished} · {rate:.1f} a second · {left:.0f} s left", flush=True
            )
