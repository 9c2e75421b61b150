"""`labcheck LAB --watch`: checks a lab again after each save, and shows what to do next on the terminal."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labcheck.record.record import Outcome
from labcheck.record.text import printable
from labcheck.reports import terminal
from labcheck.reports.terminal import Occasion
from labcheck.student.advice import next_hint, sheet
from labcheck.student.keyboard import Keyboard
from labcheck.student.live import named
from labcheck.student.loop import Event, Loop
from labcheck.student.screen import Scene

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
class Pressed:
    """A key was pressed."""

    key: str


class Watch:
    """What is on the terminal, and what the keys do."""

    def __init__(self, lab: Lab, folder: Path, options: Options, display: Display, next_lab: str) -> None:
        self._lab = lab
        self._display = display
        self._next_lab = next_lab
        self._events: queue.SimpleQueue[Event | Pressed] = queue.SimpleQueue()
        self._loop = Loop(lab, folder, options, self._events.put)
        self._hint = ""
        self._hinted = 0  # the value of the loop's `times` when the hint was asked for
        self._page = "next"

    def run(self) -> Record | None:
        """Watch until the user quits, and return the record of the last complete run.

        Raises Fault if there was an internal error in it, and SuiteError if there was an error in the suite.
        """
        with self._display:
            try:
                keyboard = Keyboard(lambda key: self._events.put(Pressed(key)), self._display.takes_keys)
                with keyboard as self._keyboard, self._loop:
                    self._draw()
                    self._handle_events()
            except KeyboardInterrupt as error:  # the usual way to end a program that goes on and on
                if type(error) is not KeyboardInterrupt:  # another signal, such as SIGTERM
                    raise
        self._loop.raise_errors()
        return self._loop.last

    def _handle_events(self) -> None:
        """Handle events until the user quits.

        The loop is not in `run`: Python 3.12 and 3.13 do not look for an `except` or a `with` around `while CONDITION`
        if Ctrl+C comes at the end of a round (CPython issue 130279).
        """
        while self._step():
            pass

    def _step(self) -> bool:
        """Handle one event; return False if the user quits."""
        try:
            event = self._events.get(timeout=TICK)
        except queue.Empty:
            self._display.fit()
            return True
        if isinstance(event, Pressed):
            return self._press(event.key)
        last = self._loop.last
        if self._loop.handle(event):
            if self._loop.last is not None and self._loop.last is not last:
                asks = self._loop.lab.place.feedback
                self._display.finish(self._loop.last, Occasion(False, self._loop.before, self._next_lab, asks))
            self._draw()
        return True

    def _press(self, key: str) -> bool:
        """Do what a key means; return False if the user quits."""
        if self._page == "reset":
            self._page = "next"
            if key in ("y", "Y"):
                self._loop.put_back()
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
                self._loop.begin()
                self._draw()
            case "h" if self._loop.next:
                hint = next_hint(self._lab, self._loop.next)
                self._hint = f"hint {hint.number} of {hint.of} for {self._loop.next}: {hint.text}"
                self._hinted = self._loop.times
                self._page = "next"
                self._draw()
            case "o" if self._loop.next:
                self._loop.toggle_narrow()
                self._draw()
            case "a" | "s" | "r" | "escape":
                wanted = {"a": "all", "s": "sheet", "r": "reset"}.get(key.lower(), "next")
                self._page = "next" if self._page == wanted else wanted
                self._draw()
        return True

    def _draw(self) -> None:
        loop = self._loop
        keys = [("q", "quit"), ("a", "all"), ("s", "sheet"), ("r", "reset"), ("enter", "again")]
        if loop.next:
            keys[1:1] = [("h", "hint"), ("o", "all" if loop.is_narrow else f"only {loop.next}")]
        if not self._keyboard.is_there:
            keys = [("Ctrl+C", "quit")]
        if self._page == "reset":
            keys = [("y", f"put {loop.program} back"), ("any other key", "keep it")]
        about = self._page if self._page == "sheet" else (self._page, loop.run, loop.record is None)
        self._display.draw(Scene(about, self._text, loop.passed, len(loop.selected), loop.status, keys))

    def _text(self, width: int) -> Iterable[RenderableType]:
        from rich.text import Text

        loop = self._loop
        if self._page == "all" and loop.record is not None:
            for line in terminal.lines(loop.record, width, Occasion(True, loop.before)):
                yield terminal.styled(line)
            return
        yield Text(f"{self._lab.name} · {self._lab.title}", "bold")
        yield Text()
        if self._page == "reset":
            yield Text(
                f"Put {loop.program} back as it was at the start of the lab? What you have now is kept beside it."
            )
        elif self._page == "sheet":
            from rich.markdown import Markdown

            yield Markdown(sheet(self._lab, str(self._lab.step_of(loop.next).number) if loop.next else None))
        elif loop.trouble:
            yield Text(printable(loop.trouble), "bold red")
        elif loop.record is None:
            yield Text(f"  {f'failing: {named(loop.failing, MOST_NAMED)}' if loop.failing else 'checking ...'}")
        else:
            yield from self._result(loop.record, width)

    def _result(self, record: Record, width: int) -> Iterable[RenderableType]:
        """Yield what has changed, and the requirement to work on with its message."""
        from rich.text import Text

        loop = self._loop
        lines = [*terminal.changed(record, loop.before, width)] if record is loop.last else []
        if lines:
            lines.append([])
        if loop.next:
            lines += terminal.requirement(record, record.requirement(loop.next), width)
        if others := [each.id for each in record.of(Outcome.FAILED) if each.id != loop.next]:
            lines += [[], [(f"  also failing: {named(others, MOST_NAMED)}", "")]]
        lines += terminal.well_done(record, self._next_lab, width, loop.lab.place.feedback)
        for line in lines:
            yield terminal.styled(line)
        if self._hint and self._hinted == loop.times:
            yield Text()
            yield Text(f"  {self._hint}", "cyan")
