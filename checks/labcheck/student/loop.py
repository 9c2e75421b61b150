"""The loop of `--watch` and `labcheck open`: it checks a lab again after each save, and finds what to work on next.

The first requirement that does not pass is checked first and by itself, because its result is what the user waits for;
then all are checked. Only the second run counts: it is remembered, and it alone can say that everything passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from labcheck.errors import UsageError, raise_errors
from labcheck.record.record import Outcome
from labcheck.student import progress
from labcheck.student.runs import Ended, Heard, Runs
from labcheck.student.saves import Saves
from labcheck.submission.files import put_back

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from labcheck.judging.options import Options
    from labcheck.record.record import Record
    from labcheck.workbook.labs import Lab


@dataclass(frozen=True)
class Saved:
    """A file was saved."""


Event = Saved | Heard | Ended


class Loop:
    """What is known about the programs in a folder; inside its `with` block they are checked after each save.

    `tell` is called with each event, in other threads. Hand the event over to `handle`, in the one thread that uses the
    loop.

    - `outcomes`: the last outcome of each requirement, by id; `before`: those before the last complete run.
    - `next`: the id of the requirement to work on; "" if all pass.
    - `is_narrow`: whether only that one is checked, as long as it does not pass.
    - `is_running`, `checking`: whether a run goes on, and the requirement that is being checked, if it is known.
    - `failing`: the failures found in the present run.
    - `record`: what the present run has found, when it has ended; `last`: that of the last complete run.
    - `ended`: when the last run ended. `trouble`: why there is no result.
    - `times`: how often it has begun to check from the start, after a save for example.
    """

    def __init__(self, lab: Lab, folder: Path, options: Options, tell: Callable[[Event], None]) -> None:
        self.lab = lab
        self.selected = options.selected(lab)
        self.outcomes: dict[str, str] = progress.outcomes(lab, folder)
        self.before: dict[str, str] = {}
        self.next = ""
        self.is_narrow = False
        self.is_running = False
        self.checking = ""
        self.failing: list[str] = []
        self.record: Record | None = None
        self.last: Record | None = None
        self.ended = datetime.now().astimezone()
        self.trouble = ""
        self.times = 0
        self._folder = folder
        self._tell = tell
        self._runs = Runs(lab, folder, options, tell)
        self._is_preview = False  # whether the present run checks `next` by itself
        self._faults: list[str] = []
        self._mistakes: list[str] = []

    def __enter__(self) -> Self:
        self._saves = Saves(self.lab, self._folder, lambda: self._tell(Saved()))
        self._find_next(self.outcomes)
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runs.close()
        self._saves.close()

    @property
    def run(self) -> int:
        """The number of the present run."""
        return self._runs.number

    @property
    def passed(self) -> int:
        """How many of the selected requirements pass."""
        return sum(self.outcomes.get(id) == Outcome.PASSED for id in self.selected)

    @property
    def status(self) -> str:
        """How far it is, in words."""
        count = f"{self.passed} of {len(self.selected)} pass"
        if self.is_running:
            return f"{count} · checking {self.checking or self.lab.name} ..."
        return f"{count} · checked at {self.ended:%H:%M:%S}"

    @property
    def program(self) -> str:
        """The file that the user works on."""
        return self.lab.program_of(self.next or self.selected[-1]).file

    def begin(self) -> None:
        """Begin to check; nothing that was found before is shown from now on."""
        self.times += 1
        self.record, self.trouble = None, ""
        self._is_preview = bool(self.next) and len(self.selected) > 1
        self._check((self.next,) if self._is_preview else self.selected)

    def toggle_narrow(self) -> None:
        """Check only the requirement to work on from now on, or all again."""
        self.is_narrow = not self.is_narrow
        self.begin()

    def put_back(self) -> None:
        """Put the user's program back as it was at the start of the lab; what it is now is kept beside it."""
        try:
            put_back(self.lab.starter / self.program, self._folder / self.program)
        except UsageError as error:
            self.trouble = str(error)

    def handle(self, event: Event) -> bool:
        """Take note of an event; return whether it has changed anything: news of a run that was given up has not."""
        match event:
            case Saved():
                self.begin()
            case Heard(run, id, outcome) if run == self.run:
                self.checking = id
                if outcome is not None and id in self.selected:
                    self.outcomes[id] = outcome
                    if outcome is Outcome.FAILED:
                        self.failing = sorted([*self.failing, id], key=self.selected.index)
            case Ended(run) if run == self.run:
                if self._saves.is_current():
                    self._end(event)
                else:  # it may have met a file that was half saved
                    self.begin()
            case _:
                return False
        return True

    def raise_errors(self) -> None:
        """Raise Fault if there was an internal error in the last run, and SuiteError if there was one in the suite."""
        raise_errors(self._faults, self._mistakes)

    def _check(self, ids: tuple[str, ...]) -> None:
        self.checking, self.failing, self.is_running = "", [], True
        self._runs.begin(ids)

    def _end(self, event: Ended) -> None:
        self.is_running, self.record = False, event.record
        self._faults, self._mistakes = event.faults, event.mistakes
        self.ended = datetime.now().astimezone()
        if event.record is None:
            self.trouble = event.why
        elif not self._is_preview:
            self.last = event.record
            self.before = progress.remember(event.record)
            self._find_next({each.id: each.outcome for each in event.record.of(*Outcome)})
        elif self.is_narrow and not event.record.all_passed:
            progress.remember(event.record)
        else:
            self._is_preview = self.is_narrow = False
            self._check(self.selected)

    def _find_next(self, outcomes: dict[str, str]) -> None:
        """Find the requirement to work on: one that fails, or else one that was not run."""
        known = [id for id in self.selected if id in outcomes]
        failed = [id for id in known if outcomes[id] == Outcome.FAILED]
        is_open = [id for id in known if outcomes[id] != Outcome.PASSED]
        self.next = next(iter([*failed, *is_open]), "")
