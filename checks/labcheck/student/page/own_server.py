"""The user's own server, to try it out while working on it: started on request, and again after each save."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labcheck.errors import ForeignListenerError, NotReadyError, UsageError
from labcheck.program.ports import Port
from labcheck.program.quiet import QuietProgram
from labcheck.reports.wording import block
from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.copies import PrivateCopies

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labcheck.program.output import Output
    from labcheck.workbook.labs import Lab, ProgramSpec

LISTENS_WITHIN = 10.0  # seconds
ENDS_WITHIN = 3.0  # seconds after Ctrl+C
SHOWN = 8_000  # characters of each stream


@dataclass(frozen=True)
class Started:
    """A program has begun to listen, or `trouble` says why it will not."""

    program: QuietProgram
    trouble: str = ""


class OwnServer:
    """Runs one server of a lab at a time, in a copy of the folder: it can try out PUT without changing a file.

    `tell` is called with each `Started`, in another thread; hand it over to `handle`.
    """

    def __init__(self, lab: Lab, folder: Path, python: str, tell: Callable[[Started], None]) -> None:
        self.servers = [each for each in lab.programs if not each.is_client]
        self._lab = lab
        self._folder = folder
        self._python = python
        self._tell = tell
        self._spec: ProgramSpec | None = None  # the server that the user wants to run
        self._program: QuietProgram | None = None
        self._stack = ExitStack()
        files = " or ".join(each.file for each in self.servers)
        self._state = f"{files} is not running."
        self._is_ready = False
        self._starts = 0

    def start(self, name: str) -> None:
        """Start the server with this name, and stop the one that runs."""
        spec = next((each for each in self.servers if each.name == name), None)
        if spec is not None:
            self._spec = spec
            self.restart()

    def restart(self) -> None:
        """Start the server again, if the user wants one to run."""
        self._end()
        if self._spec is None:
            return
        try:
            copies = self._stack.enter_context(PrivateCopies(self._lab, self._folder, Sandbox()))
            port = self._port()
            self._program = program = QuietProgram(
                self._spec,
                copies.new(),
                self._python,
                port.number,
                Sandbox(),
                usual_port=self._lab.port,
                local_time=None,
            )
        except (UsageError, NotReadyError) as error:
            self._state = str(error)
            return
        except OSError as error:  # the disk is full, for example
            self._state = f"{self._spec.file} cannot be started: {error.strerror or error}"
            return
        self._starts += 1
        self._state = f"{self._spec.file} is starting ..."
        threading.Thread(target=self._wait, args=(program,), daemon=True).start()

    def stop(self) -> None:
        """Press Ctrl+C, as the user would in a terminal. The server does not start again after a save."""
        self._spec = None
        if self._program is not None and not self._program.has_exited:
            self._program.interrupt(ENDS_WITHIN)
            self._state = self._how_it_ended()
        self._is_ready = False

    def close(self) -> None:
        """End the server."""
        self._end()

    def handle(self, event: Started) -> None:
        """Take note of an event; one about an earlier program changes nothing."""
        if event.program is self._program:
            self._is_ready = not event.trouble
            self._state = event.trouble or f"{event.program.spec.file} is running on port {event.program.port}."

    def state(self) -> tuple[object, ...]:
        """Look at the server, and return what is another value each time that `message` has changed."""
        program = self._program
        if program is not None and self._is_ready and program.has_exited:
            self._is_ready = False
            self._state = self._how_it_ended()
        printed = () if program is None else (program.stdout.total, program.stderr.total)
        return self._state, self._spec, self._is_ready, self._starts, printed

    def message(self) -> dict[str, Any]:
        """Return what the page shows of it. `starts` tells one start from the next."""
        program = self._program
        return {
            "about": "server",
            "state": block(self._state),
            "wanted": "" if self._spec is None else self._spec.name,
            "port": program.port if program is not None and self._is_ready else 0,
            "is_http": program is not None and "websocket" not in program.spec.kind,
            "starts": self._starts,
            "stdout": "" if program is None else _last_of(program.stdout),
            "stderr": "" if program is None else _last_of(program.stderr),
        }

    def _port(self) -> Port:
        try:
            port = Port(self._lab.port)  # the one that the sheet names
        except OSError:  # the user's server may run in a terminal, too
            port = Port()
        self._stack.callback(port.release)
        return port

    def _wait(self, program: QuietProgram) -> None:
        try:
            program.wait_until_listening(LISTENS_WITHIN)
        except NotReadyError as error:
            self._tell(Started(program, str(error)))
        except ForeignListenerError:
            self._tell(Started(program, f"another program has taken port {program.port}; start it again"))
        else:
            self._tell(Started(program))

    def _how_it_ended(self) -> str:
        assert self._program is not None
        status = self._program.exit_status
        file = self._program.spec.file
        if status is None:
            return f"{file} did not end within {ENDS_WITHIN:g} s after Ctrl+C."
        return f"{file} has ended, with exit status {status}."

    def _end(self) -> None:
        program, self._program = self._program, None
        self._is_ready = False
        if program is not None:
            program.kill()
            program.close()
        self._stack.close()


def _last_of(stream: Output) -> str:
    """Return the end of what a program has printed, safe to show."""
    text = stream.text()
    return block(text if len(text) <= SHOWN else f"… earlier output left out …\n{text[-SHOWN:]}")
