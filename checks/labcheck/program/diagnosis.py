"""Explains in words what went wrong with a program: from its exit status, standard error, ports and files."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import sys
from dataclasses import dataclass
from importlib.machinery import BuiltinImporter, FrozenImporter
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from labcheck.errors import NotReadyError, Place, Unreadable, Verdict
from labcheck.program import sockets
from labcheck.program.advice import advice
from labcheck.program.evidence import Complaint
from labcheck.program.matchers import NEVER_AWAITED, Traceback
from labcheck.record.text import is_own_file, shorten, within
from labcheck.submission.files import is_there, read_start

if TYPE_CHECKING:
    from labcheck.workbook.labs import ProgramSpec

LIBRARIES = {"websockets", "aiohttp", "flask", "starlette", "tornado"}  # in addition to Python's own
FRAME = re.compile(r'File "([^"<>]+)", line (\d{1,6})\b')
COMPLAINT = re.compile(r"[\w.]+(Error|Exception|Exit|Interrupt)\b")
# As Python, asyncio, Windows and gunicorn word it. The numbers are those of Linux, macOS and Windows.
TAKEN = re.compile(
    r"address already in use|EADDRINUSE|(Errno|WinError) (98|48|10048)\b|only one usage of each socket address"
    r"|connection in use:",
    re.IGNORECASE,
)
FORGOTTEN = re.compile(
    rf"^(?P<file>.+):(?P<line>\d{{1,6}}): RuntimeWarning: (?P<said>coroutine '(?P<name>[^']+)' {NEVER_AWAITED})",
    re.MULTILINE,
)
REFUSED = re.compile(r"^PermissionError: .*permission denied", re.IGNORECASE | re.MULTILINE)
TO_LISTEN = re.compile(r"\.bind\(|attempting to bind")  # in its traceback
EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(:|$)", re.MULTILINE)  # the last line of a traceback
LEADS_TO_NEXT = re.compile(r"^The above exception was the direct cause of .*:\n\s*\Z", re.MULTILINE)
LOST = re.compile(r"^([\w.]+\.)?(BrokenPipe|Connection\w*|IncompleteRead)(Error|OK)\b", re.MULTILINE)
# The error of a program whose own file is imported instead of a library: which name it was imported under.
HIDDEN = re.compile(
    r"^(?:ModuleNotFoundError: No module named '(\w+)\.[\w.]+'"
    r"|ImportError: cannot import name '\w+' from (?:partially initialized module )?'(\w+)[.']"
    r"|AttributeError: (?:partially initialized )?module '(\w+)(?:\.\w+)*' has no attribute )"
)
SYNTAX = re.compile(r"^((?:Syntax|Indentation|Tab)Error): ", re.MULTILINE)
CARET = re.compile(r"^ {4}(\s*)\^+\s*$")  # the line below the one that Python cannot read
TRIED = re.compile(r"Connect call failed \('[^']*', (\d+)\b")  # as asyncio words it
LITTLE = 1000  # bytes; if there is nothing in these, the file is empty
LONGEST = 300  # characters of the last line of a traceback
MISSING = re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'$", re.MULTILINE)


@dataclass(frozen=True)
class Diagnosis:
    """A program in its folder, its interpreter, and the port in its argument.

    `usual_port` is the one used to start it by hand. `in_words` says where the program finds its port.
    """

    spec: ProgramSpec
    folder: Path
    python: str
    port: int
    usual_port: int
    in_words: str = "its first argument"

    def shown(self, text: str) -> str:
        """Return the text with paths as the student knows them: relative to their folder."""
        return text.replace(str(self.folder) + os.sep, "").replace(str(self.folder), ".")

    def cause(self, stderr: str) -> Complaint:
        """Explain the last traceback that is not about a lost connection: labcheck closes its own after a failure.

        Without one, it is a warning about a coroutine that was never awaited. Empty without either.
        """
        forgotten = self.never_awaited(stderr)
        led_to_it = False  # the exception led to a lost connection
        for block in reversed(stderr.split(Traceback.name)[1:]):
            # Threads may mix their tracebacks, so that one has no last line, or that of another.
            is_whole = EXCEPTION.search(self.shown(block))
            led_to_it = bool(LOST.search(block) or (led_to_it and LEADS_TO_NEXT.search(block)))
            if is_whole and not led_to_it:
                found = self.explain(block)
                is_cause = forgotten and "coroutine" in found.said  # it was used as if it were its result
                return Complaint(found.said, found.place, str(forgotten)) if is_cause else found
        return forgotten

    def explain(self, traceback: str) -> Complaint:
        """Return the last line of a traceback, and the innermost frame in the student's own files."""
        text = self.shown(traceback).strip()
        last = _last_line(text)
        frames = _frames(text)
        own = [self._place(file, line) for file, line in frames if is_own_file(file)]
        return Complaint(within(last, LONGEST), own[-1] if own else None, self._advice(last, frames))

    def _place(self, file: str, line: int) -> Place:
        """Return a place in a file, under the name that the student knows."""
        return Place(self.spec.called if file == self.spec.file else file, line)

    def never_awaited(self, stderr: str) -> Complaint:
        """Return the last warning about a coroutine that was never awaited, or an empty one."""
        found = [*FORGOTTEN.finditer(self.shown(stderr))]
        if not found:
            return Complaint("")
        last = found[-1]
        own = is_own_file(last["file"])
        place = self._place(PurePath(last["file"]).as_posix(), int(last["line"])) if own else None
        what = "await it, or pass it to asyncio.run()" if "." not in last["name"] else "write `await` before the call"
        return Complaint(last["said"], place, what, verb="caused a warning:")

    def ended(self, status: int, stderr: str, *, raised: bool, over_memory: bool) -> NotReadyError:
        """Return why a program ended before it could be used.

        `raised`: its standard error holds a traceback. `over_memory`: it was ended because it used too much memory.
        """
        file = self.spec.called
        wanted = f"connected to port {self._given}" if self.spec.is_client else "listened"
        stderr = self.shown(stderr).strip()
        if over_memory:
            return NotReadyError(Verdict.OVER_MEMORY, f"{file} used too much memory before it {wanted}")
        if not is_there(self.folder / self.spec.file):
            return NotReadyError(Verdict.NOT_STARTED, f"there is no {file} in the folder")
        if _is_empty(self.folder / self.spec.file):
            return NotReadyError(Verdict.NOT_STARTED, f"{file} is empty")
        if hidden := self._hidden_library(_last_line(stderr), _frames(stderr)):
            return NotReadyError(Verdict.HIDES_LIBRARY, hidden, self.explain(stderr).place)
        if TAKEN.search(stderr):
            return NotReadyError(Verdict.PORT_TAKEN, self._who_holds_the_port(), self.explain(stderr).place)
        if REFUSED.search(stderr) and TO_LISTEN.search(stderr):
            text = f"{file} tried to listen on a port that it may not use; port {self._given} is free"
            return NotReadyError(Verdict.OTHER_PORT, text, self.explain(stderr).place)
        raised = raised or bool(SYNTAX.search(stderr))  # it has no first line, unlike other tracebacks
        forgotten = self.never_awaited(stderr)
        if self.spec.is_client and not raised:
            tried = {int(port) for port in TRIED.findall(stderr)} - {self.port}
            if tried:
                return self.connected_elsewhere(tried, "tried to connect")
            printed = f": {forgotten}" if forgotten else f"; on standard error: {shorten(stderr)}" if stderr else ""
            text = f"{file} ended with exit status {status} without having connected to port {self._given}{printed}"
            return NotReadyError(Verdict.ENDED_EARLY, text, forgotten.place)
        if status == 0 and not raised:
            because = f": {forgotten}" if forgotten else ""
            text = f"{file} ended at once with exit status 0 and never listened{because}"
            return NotReadyError(Verdict.EXITED, text, forgotten.place)
        complaint = self.explain(stderr)
        because = f": {complaint}" if complaint else ""
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        text = f"{file} ended with {how} before it {wanted}{because}{self._where_to_install(stderr)}"
        return NotReadyError(Verdict.NOT_STARTED, text, complaint.place, _unreadable(stderr))

    def served_one_client(self) -> str:
        """Return what happened to a server that ends by itself after its first client."""
        return f"{self.spec.called} ended by itself with exit status 0 after its first client"

    def never_listened(self, seconds: float) -> NotReadyError:
        """Return the error for a program that runs but did not listen on its port within `seconds`."""
        text = f"{self.spec.called} runs, but did not listen on port {self._given} within {seconds:g} s"
        return NotReadyError(Verdict.NEVER_LISTENED, text)

    def listens_elsewhere(self, found: set[int]) -> NotReadyError:
        """Return the error for a program that listens on other ports than its own."""
        named = " and ".join(map(str, sorted(found)))
        text = f"{self.spec.called} listens on port {named}, not on port {self._given}"
        return NotReadyError(Verdict.OTHER_PORT, text)

    def listens_on_other_address(self, found: set[str]) -> NotReadyError:
        """Return the error for a program that listens on its port, but only on other addresses than labcheck tries."""
        named = " and ".join(sorted(found))
        text = f"{self.spec.called} listens on {named} (port {self.port}), "
        text += "not on 127.0.0.1, ::1 or all addresses, which is where labcheck looks"
        return NotReadyError(Verdict.OTHER_ADDRESS, text)

    def connected_elsewhere(self, found: set[int], verb: str = "connected") -> NotReadyError:
        """Return the error for a client that connected, or tried to, to other ports than its own; `verb` says which."""
        named = " and ".join(map(str, sorted(found)))
        text = f"{self.spec.called} {verb} to port {named}, not to port {self._given}"
        return NotReadyError(Verdict.OTHER_SERVER, text)

    def never_connected(self, seconds: float | None, came: int) -> NotReadyError:
        """Return the error for a client that runs but did not connect within `seconds`; None: it waits for input.

        `came` is the number of connections that it opened without completing a handshake.
        """
        if came:
            text = f"{self.spec.called} connected to port {self.port}, but did not send a complete opening handshake"
        else:
            text = f"{self.spec.called} runs, but did not connect to port {self._given}"
        text += "; it is idle, and waits for input" if seconds is None else f" within {seconds:.3g} s"
        return NotReadyError(Verdict.NEVER_CONNECTED, text)

    @property
    def _given(self) -> str:
        return f"{self.port} ({self.in_words})"

    def _advice(self, last: str, frames: list[tuple[str, int]]) -> str:
        """Return what to say besides the last line of a traceback; empty if that line says enough."""
        return self._hidden_library(last, frames) or advice(last, frames, is_client=self.spec.is_client)

    def _hidden_library(self, last: str, frames: list[tuple[str, int]]) -> str:
        """Return that one of the student's files hides a library, if that caused the error; else an empty text."""
        named = HIDDEN.match(last)
        names = [name for name in named.groups() if name] if named else []
        # A library that imports one of the student's files wanted another library.
        pairs = itertools.pairwise(frames)
        names += [
            PurePath(file).stem for (by, _), (file, _) in pairs if PurePath(by).is_absolute() and is_own_file(file)
        ]
        for name in names:
            file = next((each for each in (f"{name}.py", f"{name}/__init__.py") if is_there(self.folder / each)), None)
            if file and name != self.spec.name and _can_be_hidden(name):
                return f"your {file} hides the library {name}, which the program needs; give your file another name"
        return ""

    def _where_to_install(self, stderr: str) -> str:
        """Return what to do if a library is missing: the interpreter may not be the one that the student uses."""
        missing = MISSING.search(stderr)
        if missing is None:
            return ""
        library = missing[1].partition(".")[0]
        return f"; if {library} is a library, install it for {self.python}, or choose another interpreter with --python"

    def _who_holds_the_port(self) -> str:
        text = f"{self.spec.called} tried to listen on a port that another program uses; "
        text += f"port {self._given} is free"
        holder = sockets.holder(self.usual_port)
        return f"{text}, but port {self.usual_port} is used by {holder}" if holder else text


def _is_empty(file: Path) -> bool:
    """Return whether a file has no text in it."""
    with contextlib.suppress(OSError):
        return not read_start(file, LITTLE).strip()
    return False


def _last_line(traceback: str) -> str:
    """Return the line of a traceback that names the exception."""
    lines = traceback.splitlines()
    errors = [line for line in lines if COMPLAINT.match(line)]
    others = [line for line in lines if EXCEPTION.match(line) and line != Traceback.name]  # such as re.error
    return (errors or others[:1] or lines or [""])[-1]


def _unreadable(traceback: str) -> Unreadable | None:
    """Return what a traceback reports about a file that Python cannot read; None if it is about something else."""
    last = _last_line(traceback)
    named = SYNTAX.match(last)
    if named is None:
        return None
    carets = [match for line in traceback.splitlines() if (match := CARET.match(line))]
    column = len(carets[-1][1]) + 1 if carets else 0
    return Unreadable(named[1], within(last[named.end() :], LONGEST), column)


def _frames(traceback: str) -> list[tuple[str, int]]:
    """Return the file and the line of each frame in a traceback, the innermost last."""
    return [(PurePath(file).as_posix(), int(line)) for file, line in FRAME.findall(traceback)]


def _can_be_hidden(name: str) -> bool:
    """Return whether a file of the student with this name is imported instead of a library.

    Python finds its built-in and frozen modules, such as os, before it looks into the program's folder.
    """
    if any(importer.find_spec(name) for importer in (BuiltinImporter, FrozenImporter)):
        return False
    return name in {*sys.stdlib_module_names, *LIBRARIES}
