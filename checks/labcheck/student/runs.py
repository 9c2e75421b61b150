"""Runs of a lab's checks, one after the other, from a process that has everything imported."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from labcheck.isolated.fresh import Fresh
from labcheck.isolated.graders import HAS_FORK, close_graders, graders
from labcheck.isolated.side_by_side import groups_of, merged, processors
from labcheck.isolated.task import Task
from labcheck.judging.judge import Judgement
from labcheck.judging.run import seed_or_new
from labcheck.record.record import Outcome, Record
from labcheck.record.result import GRADED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labcheck.isolated.graders import Asked
    from labcheck.isolated.task import Reply
    from labcheck.judging.options import Options
    from labcheck.workbook.labs import Lab


@dataclass(frozen=True)
class Heard:
    """The check of a requirement has begun (None), or has this outcome."""

    run: int
    id: str
    outcome: Outcome | None


@dataclass(frozen=True)
class Ended:
    """A run has ended with a record; without one, `why` says what is wrong.

    `faults` are internal errors and errors in the suite; `mistakes` are the latter, each in one line.
    """

    run: int
    record: Record | None
    why: str = ""
    faults: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)


class Runs:
    """Checks the programs in a folder whenever it is asked to; there is one run at a time.

    `tell` is called, in other threads, with each `Heard` and `Ended`. `number` is that of the present run: the first
    one has number 1.
    """

    def __init__(self, lab: Lab, folder: Path, options: Options, tell: Callable[[Heard | Ended], None]) -> None:
        self._lab = lab
        self._folder = folder
        self._options = options
        self._tell = tell
        self._asked: list[Asked | Fresh] = []
        self.number = 0

    def begin(self, only: tuple[str, ...]) -> None:
        """Begin a run of these requirements, or of all; the present run is given up."""
        self.cancel()
        self.number += 1
        options = replace(self._options, only=only, seed=seed_or_new(self._options.seed))
        groups = groups_of(self._lab, options.selected(self._lab), processors())
        where = str(self._folder)
        self._asked = [
            self._ask(Task(self._lab.name, "", b"", where, replace(options, only=group), folder=where, live=True))
            for group in groups
        ]
        threading.Thread(target=self._wait, args=(self.number, groups, self._asked), daemon=True).start()

    def _ask(self, task: Task) -> Asked | Fresh:
        server = graders().server(task) if HAS_FORK else None
        return Fresh(task) if server is None else server.begin(task)

    def cancel(self) -> None:
        """Give up the present run, if there is one."""
        for each in self._asked:
            each.cancel()

    def close(self) -> None:
        """End everything; no program runs when this returns."""
        self.cancel()
        close_graders()

    def _wait(self, number: int, groups: list[tuple[str, ...]], asked: list[Asked | Fresh]) -> None:
        def wait_for(each: Asked | Fresh) -> Reply:
            return each.reply(lambda id, outcome: self._tell(Heard(number, id, outcome)))

        with ThreadPoolExecutor(len(asked)) as pool:
            replies = list(pool.map(wait_for, asked))
        faults = [fault for reply in replies for fault in reply.faults]
        mistakes = [mistake for reply in replies for mistake in reply.mistakes]
        parts = [Judgement(Record.from_table(reply.record), reply.faults) for reply in replies if reply.record]
        if len(parts) < len(replies):
            why = next(reply.text for reply in replies if reply.kind != GRADED)
            self._tell(Ended(number, None, why, faults, mistakes))
            return
        record = merged(groups, parts).record
        record.selected = [id for id in self._lab.requirements if any(id in group for group in groups)]
        record.seconds = max(part.record.seconds for part in parts)
        self._tell(Ended(number, record, "", faults, mistakes))
