"""What is on the screen while a lab is checked: a bar for each step, what is being checked, and what has failed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import Progress, TaskID

    from labcheck.workbook.labs import Lab, Step

REDRAWN = 10  # times a second
CLEARED = "\r\x1b[2K"  # on a terminal: the current line is empty
MOST_NAMED = 4  # failures


def redraws() -> bool:
    """Return whether lines on standard output can be redrawn, and the user has not asked for plain ones."""
    is_plain = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR")) or bool(os.environ.get("CI"))
    return sys.stdout.isatty() and not is_plain


def named(ids: list[str], most: int) -> str:
    """Return up to `most` ids in words."""
    return ", ".join(ids[:most]) + (" ..." if len(ids) > most else "")


class Live:
    """Show the progress of a run on standard output until it ends; it is a listener of `judge`.

    On a terminal, the lines are redrawn, and gone at the end. A terminal that cannot redraw lines, one whose user wants
    no colors (NO_COLOR), and a CI system get one line for each step that is complete. A pipe gets nothing.
    """

    def __init__(self, lab: Lab, selected: Sequence[str]) -> None:
        self._lab = lab
        self._steps = {step: [id for id in step.requirements if id in selected] for step in lab.steps}
        self._step_of = {id: step for step, ids in self._steps.items() for id in ids}
        self._outcomes: dict[str, Outcome] = {}
        self._now: dict[Step, str] = {}  # the requirement that is being checked
        self._redraws = redraws()
        self._prints = not self._redraws and (sys.stdout.isatty() or bool(os.environ.get("CI")))
        self._bars: Progress | None = None
        self._rows: dict[Step, TaskID] = {}

    def __enter__(self) -> Live:
        if self._redraws:
            print(f"checking {self._lab.name} ...", end="", flush=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()
        elif self._redraws:
            print(CLEARED, end="", flush=True)

    def __call__(self, id: str, outcome: Outcome | None) -> None:
        """Note that the check of a requirement begins (None), or has this outcome."""
        step = self._step_of.get(id)
        if step is None:
            return  # it is only checked because others need it
        self._now[step] = id if outcome is None else ""
        if outcome is not None:
            self._outcomes[id] = outcome
        if self._redraws:
            self._redraw(step)
        elif self._prints and outcome is not None and self._done(step) == len(self._steps[step]):
            print(f"step {step.number}: {self._said(step)}", flush=True)

    def _redraw(self, step: Step) -> None:
        bars = self._bars or self._begin()
        bars.update(self._rows[step], completed=self._done(step), said=self._said(step))

    def _begin(self) -> Progress:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(20, complete_style="cyan", finished_style="cyan"),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}", markup=False),
        )
        print(CLEARED, end="", flush=True)
        self._bars = bars = Progress(*columns, refresh_per_second=REDRAWN, transient=True)
        for step, ids in self._steps.items():
            if ids:
                self._rows[step] = bars.add_task(f"  {step.number}  {step.title}", total=len(ids), said="")
        bars.start()
        return bars

    def _done(self, step: Step) -> int:
        return sum(id in self._outcomes for id in self._steps[step])

    def _said(self, step: Step) -> str:
        """Return in words how far a step is: what has failed, and what is being checked."""
        ids = self._steps[step]
        failed = [id for id in ids if self._outcomes.get(id) is Outcome.FAILED]
        parts = [f"{named(failed, MOST_NAMED)} failed"] if failed else []
        if self._now.get(step):
            parts.append(f"checking {self._now[step]}")
        elif self._done(step) == len(ids):
            passed = sum(self._outcomes[id] is Outcome.PASSED for id in ids)
            parts.insert(0, f"{passed} of {len(ids)} pass")
        return " · ".join(parts)
