"""Checks a lab again after each save, and shows what to do next.

The first requirement that does not pass is checked first and by itself, because its result is what the user waits for;
then all are checked. Only the second run counts: it is remembered, and it alone can say that everything passes.
"""

from __future__ import annotations

import queue
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from labcheck.errors import UsageError, raise_errors
from labcheck.record.record import Outcome
from labcheck.record.text import printable
from labcheck.reports import terminal
from labcheck.reports.terminal import Occasion
from labcheck.student import progress
from labcheck.student.advice import next_hint, sheet
from labcheck.student.keyboard import Keyboard
from labcheck.student.live import named
from labcheck.student.runs import Ended, Heard, Runs
from labcheck.student.saves import Saves
from labcheck.student.screen import Scene
from labcheck.submission.files import put_back

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rich.console import RenderableType

    from labcheck.judging.options import Options
    from labcheck.record.record import Record
    from labcheck.student.screen import Display
    from labcheck.workbook.labs import Lab

TICK = 0.25  # seconds between two looks at the size of the terminal
MOST_NAMED = 6  # failures


@dataclass(frozen=True)
class Saved:
    """A file was saved."""


@dataclass(frozen=True)
class Pressed:
    """A key was pressed."""

    key: str


class Watch:
    """The loop, and what it knows."""

    def __init__(self, lab: Lab, folder: Path, options: Options, display: Display, next_lab: str) -> None:
        self._lab = lab
        self._folder = folder
        self._selected = options.selected(lab)
        self._display = display
        self._next_lab = next_lab
        self._events: queue.SimpleQueue[Saved | Pressed | Heard | Ended] = queue.SimpleQueue()
        self._runs = Runs(lab, folder, options, self._events.put)
        self._outcomes: dict[str, str] = progress.outcomes(lab, folder)
        self._before: dict[str, str] = {}
        self._next = ""  # the requirement to work on
        self._is_narrow = False  # whether only that one is checked, as long as it does not pass
        self._is_preview = False  # whether the present run checks that one by itself
        self._is_running = False
        self._checking = ""
        self._failing: list[str] = []  # found in the present run
        self._record: Record | None = None  # what is shown
        self._last: Record | None = None  # of the last complete run
        self._ended = datetime.now().astimezone()  # the last run
        self._trouble = ""
        self._faults: list[str] = []
        self._mistakes: list[str] = []
        self._hint = ""
        self._page = "next"

    def run(self) -> Record | None:
        """Watch until the user quits, and return the record of the last complete run.

        Raises Fault if there was an internal error in it, and SuiteError if there was an error in the suite.
        """
        saves = Saves(self._lab, self._folder, lambda: self._events.put(Saved()))
        with self._display:
            try:
                with Keyboard(lambda key: self._events.put(Pressed(key)), self._display.takes_keys) as self._keyboard:
                    self._find_next(self._outcomes)
                    self._begin()
                    while self._step(saves):
                        pass
            except KeyboardInterrupt as error:  # the usual way to end a program that goes on and on
                if type(error) is not KeyboardInterrupt:  # another signal, such as SIGTERM
                    raise
            finally:
                self._runs.close()
                saves.close()
        raise_errors(self._faults, self._mistakes)
        return self._last

    def _step(self, saves: Saves) -> bool:
        """Handle one event; return False if the user quits."""
        try:
            event = self._events.get(timeout=TICK)
        except queue.Empty:
            self._display.fit()
            return True
        match event:
            case Pressed(key):
                return self._press(key)
            case Saved():
                self._begin()
            case Heard(run, id, outcome) if run == self._runs.number:
                self._checking = id
                if outcome is not None and id in self._selected:
                    self._outcomes[id] = outcome
                    if outcome is Outcome.FAILED:
                        self._failing = sorted([*self._failing, id], key=self._selected.index)
                self._draw()
            case Ended(run) if run == self._runs.number:
                if saves.is_current():
                    self._end(event)
                else:  # it may have met a file that was half saved
                    self._begin()
        return True

    def _begin(self) -> None:
        """Begin to check; nothing that was found before is shown from now on."""
        self._record, self._trouble, self._hint = None, "", ""
        self._is_preview = bool(self._next) and len(self._selected) > 1
        self._check((self._next,) if self._is_preview else self._selected)
        self._draw()

    def _check(self, ids: tuple[str, ...]) -> None:
        self._checking, self._failing, self._is_running = "", [], True
        self._runs.begin(ids)

    def _end(self, event: Ended) -> None:
        self._is_running, self._record = False, event.record
        self._faults, self._mistakes = event.faults, event.mistakes
        self._ended = datetime.now().astimezone()
        if event.record is None:
            self._trouble = event.why
        elif not self._is_preview:
            self._last = event.record
            self._before = progress.remember(event.record)
            self._find_next({each.id: each.outcome for each in event.record.of(*Outcome)})
            self._display.finish(event.record, Occasion(False, self._before, self._next_lab, self._lab.place.feedback))
        elif self._is_narrow and not event.record.all_passed:
            progress.remember(event.record)
        else:
            self._is_preview = self._is_narrow = False
            self._check(self._selected)
        self._draw()

    def _find_next(self, outcomes: dict[str, str]) -> None:
        """Find the requirement to work on: one that fails, or else one that was not run."""
        known = [id for id in self._selected if id in outcomes]
        failed = [id for id in known if outcomes[id] == Outcome.FAILED]
        is_open = [id for id in known if outcomes[id] != Outcome.PASSED]
        self._next = next(iter([*failed, *is_open]), "")

    def _press(self, key: str) -> bool:
        """Do what a key means; return False if the user quits."""
        if self._page == "reset":
            self._page = "next"
            if key in ("y", "Y"):
                self._reset()
            self._draw()
            return True
        match key.lower():
            case "q":
                return False
            case "up" | "down" | "page up" | "page down":
                self._display.scroll(key)
            case "redraw":
                self._display.redraw()
            case "enter":
                self._begin()
            case "h" if self._next:
                hint = next_hint(self._lab, self._next)
                self._hint = f"hint {hint.number} of {hint.of} for {self._next}: {hint.text}"
                self._page = "next"
                self._draw()
            case "o" if self._next:
                self._is_narrow = not self._is_narrow
                self._begin()
            case "a" | "s" | "r" | "escape":
                wanted = {"a": "all", "s": "sheet", "r": "reset"}.get(key.lower(), "next")
                self._page = "next" if self._page == wanted else wanted
                self._draw()
        return True

    def _reset(self) -> None:
        try:
            put_back(self._lab.starter / self._program, self._folder / self._program)
        except UsageError as error:
            self._trouble = str(error)

    @property
    def _program(self) -> str:
        """The file that the user works on."""
        return self._lab.program_of(self._next or self._selected[-1]).file

    def _draw(self) -> None:
        passed = sum(self._outcomes.get(id) == Outcome.PASSED for id in self._selected)
        keys = [("q", "quit"), ("a", "all"), ("s", "sheet"), ("r", "reset"), ("enter", "again")]
        if self._next:
            keys[1:1] = [("h", "hint"), ("o", "all" if self._is_narrow else f"only {self._next}")]
        if not self._keyboard.is_there:
            keys = [("Ctrl+C", "quit")]
        if self._page == "reset":
            keys = [("y", f"put {self._program} back"), ("any other key", "keep it")]
        about = self._page if self._page == "sheet" else (self._page, self._runs.number, self._record is None)
        self._display.draw(Scene(about, self._text, passed, len(self._selected), self._status(passed), keys))

    def _status(self, passed: int) -> str:
        count = f"{passed} of {len(self._selected)} pass"
        if self._is_running:
            return f"{count} · checking {self._checking or self._lab.name} ..."
        return f"{count} · checked at {self._ended:%H:%M:%S}"

    def _text(self, width: int) -> Iterable[RenderableType]:
        from rich.text import Text

        if self._page == "all" and self._record is not None:
            for line in terminal.lines(self._record, width, Occasion(True, self._before)):
                yield terminal.styled(line)
            return
        yield Text(f"{self._lab.name} · {self._lab.title}", "bold")
        yield Text()
        if self._page == "reset":
            yield Text(
                f"Put {self._program} back as it was at the start of the lab? What you have now is kept beside it."
            )
        elif self._page == "sheet":
            from rich.markdown import Markdown

            yield Markdown(sheet(self._lab, str(self._lab.step_of(self._next).number) if self._next else None))
        elif self._trouble:
            yield Text(printable(self._trouble), "bold red")
        elif self._record is None:
            yield Text(f"  {f'failing: {named(self._failing, MOST_NAMED)}' if self._failing else 'checking ...'}")
        else:
            yield from self._result(self._record, width)

    def _result(self, record: Record, width: int) -> Iterable[RenderableType]:
        """Yield what has changed, and the requirement to work on with its message."""
        from rich.text import Text

        lines = [*terminal.changed(record, self._before, width)] if record is self._last else []
        if lines:
            lines.append([])
        if self._next:
            lines += terminal.requirement(record, record.requirement(self._next), width)
        if others := [each.id for each in record.of(Outcome.FAILED) if each.id != self._next]:
            lines += [[], [(f"  also failing: {named(others, MOST_NAMED)}", "")]]
        lines += terminal.well_done(record, self._next_lab, width, self._lab.place.feedback)
        for line in lines:
            yield terminal.styled(line)
        if self._hint:
            yield Text()
            yield Text(f"  {self._hint}", "cyan")
