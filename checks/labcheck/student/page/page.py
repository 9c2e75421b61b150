"""What the page shows while the user works, and what a click on it does."""

from __future__ import annotations

import contextlib
import queue
from typing import TYPE_CHECKING, Any

from labcheck.errors import SuiteError
from labcheck.reports import terminal
from labcheck.reports.one import html
from labcheck.reports.wording import block, changes
from labcheck.student import progress
from labcheck.student.loop import Event, Loop, Saved
from labcheck.student.page import content
from labcheck.student.page.own_server import OwnServer, Started
from labcheck.student.page.site import Asked, Joined, Site
from labcheck.student.state import runs
from labcheck.workbook.labs import lab_names, load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from websockets.asyncio.server import ServerConnection

    from labcheck.judging.options import Options
    from labcheck.record.record import Record
    from labcheck.student.page.entrance import Entrance
    from labcheck.workbook.labs import Lab

TICK = 0.2  # seconds between two looks at what the user's server has printed
WIDE = 10_000  # columns: the browser breaks the lines


class Page:
    """The page of a lab. `port` is its own; 0: any."""

    def __init__(self, lab: Lab, folder: Path, options: Options, next_lab: str, port: int) -> None:
        self._lab = lab
        self._next_lab = next_lab
        self._all_labs = list(_all_labs())
        self._port = port
        self._events: queue.SimpleQueue[Event | Started | Joined | Asked] = queue.SimpleQueue()
        self._loop = Loop(lab, folder, options, self._events.put)
        self._server = OwnServer(lab, folder, options.interpreter, self._events.put)
        self._server_shown: object = None  # its state that the windows know
        self._record: Record | None = None  # the last one that the windows have got
        self._results = 0  # how many they have got

    def run(self, welcome: Callable[[Entrance], None]) -> Record | None:
        """Serve the page until Ctrl+C, and return the record of the last complete run.

        `welcome` is called when the page can be opened. Raises UsageError if its port is taken; for other errors, see
        `Loop.raise_errors`.
        """
        files = content.files(self._lab, self._loop.selected, self._server.servers)
        self._site = Site(files, self._events.put, self._port)
        try:
            welcome(self._site.entrance)
            with self._loop:
                while True:
                    self._step()
        except KeyboardInterrupt as error:  # the usual way to end it
            if type(error) is not KeyboardInterrupt:  # another signal, such as SIGTERM
                raise
        finally:
            self._server.close()
            self._site.close()
        self._loop.raise_errors()
        return self._loop.last

    def _step(self) -> None:
        """Handle all events that have come, and tell the windows once what is new."""
        has_news = False
        try:
            event = self._events.get(timeout=TICK)
            while True:
                has_news |= self._handle(event)
                event = self._events.get_nowait()
        except queue.Empty:
            pass
        if has_news:
            has_result = self._note_result()
            self._site.send(self._message())
            if has_result and self._record is self._loop.last:
                self._site.send(self._labs())
        if (state := self._server.state()) != self._server_shown:
            self._server_shown = state
            self._site.send(self._server.message())

    def _note_result(self) -> bool:
        """Return whether there is a result that the windows have not got; from now on they have."""
        record = self._loop.record
        if record is None or record is self._record:
            return False
        self._record = record
        self._results += 1
        return True

    def _handle(self, event: Event | Started | Joined | Asked) -> bool:
        """Handle one event; return whether the report has changed."""
        match event:
            case Joined(window):
                self._site.send(self._message(), window)
                self._site.send(self._server.message(), window)
                self._site.send(self._labs(), window)
            case Asked(window, what, which):
                return self._do(window, what, which)
            case Started():
                self._server.handle(event)
            case _:
                has_news = self._loop.handle(event)
                if isinstance(event, Saved):
                    self._server.restart()
                return has_news
        return False

    def _do(self, window: ServerConnection, what: str, which: str) -> bool:
        """Do what the user asks for; return whether the report has changed."""
        match what:
            case "details":
                self._site.send(self._details(which), window)
            case "again":
                self._loop.begin()
                return True
            case "narrow" if self._loop.next:
                self._loop.toggle_narrow()
                return True
            case "start":
                self._server.start(which)
            case "stop":
                self._server.stop()
        return False

    def _details(self, id: str) -> dict[str, Any]:
        """Return what is known of a requirement; `html` is empty without a result."""
        record = self._loop.record
        is_known = record is not None and id in record.selected
        return {"about": "details", "id": id, "html": html.details(record, id) if record and is_known else ""}

    def _message(self) -> dict[str, Any]:
        """Return the state of the report."""
        loop = self._loop
        record = loop.record
        is_whole = record is not None and record is loop.last
        return {
            "about": "report",
            "status": loop.status,
            "passed": loop.passed,
            "of": len(loop.selected),
            "running": loop.is_running,
            "narrow": loop.is_narrow,
            "outcomes": {id: loop.outcomes.get(id, "") for id in loop.selected},
            "checking": loop.checking if loop.is_running else "",
            "next": loop.next,
            "trouble": block(loop.trouble),
            "results": self._results,
            "changes": block(changes(record, loop.before)) if record and is_whole else "",
            "well_done": self._well_done(record) if record and is_whole else [],
        }

    def _well_done(self, record: Record) -> list[str]:
        lines = terminal.well_done(record, self._next_lab, WIDE, self._lab.place.feedback)
        return [text for text in ("".join(part for part, _ in line).strip() for line in lines) if text]

    def _labs(self) -> dict[str, Any]:
        """Return how far the user is in each lab."""
        known = runs()
        labs = [
            {"name": lab.name, "title": lab.title, "passed": progress.passed(lab, known), "of": len(lab.requirements)}
            for lab in self._all_labs
        ]
        return {"about": "labs", "labs": labs}


def _all_labs() -> Iterator[Lab]:
    for name in lab_names():
        with contextlib.suppress(SuiteError):  # a mistake in another lab
            yield load_lab(name)
