"""What went wrong with a program, in words: from its exit status, its standard error, its ports and its files."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from labcheck.errors import NotReadyError, Place, Verdict
from labcheck.program import sockets
from labcheck.program.evidence import Complaint
from labcheck.record.text import is_own_file, shorten
from labcheck.submission.files import is_there

if TYPE_CHECKING:
    from labcheck.workbook.labs import ProgramSpec

LIBRARIES = {"websockets", "aiohttp", "flask", "starlette", "tornado"}  # beside those of Python itself
FRAME = re.compile(r'File "([^"<>]+)", line (\d{1,6})\b')
COMPLAINT = re.compile(r"[\w.]+(Error|Exception|Exit|Interrupt)\b")
TAKEN = re.compile(r"Address already in use|EADDRINUSE|WinError 10048|Errno 48\b")


@dataclass(frozen=True)
class Diagnosis:
    """A program in its folder, that was given a port; `usual_port` is the one with which it is started by hand."""

    spec: ProgramSpec
    folder: Path
    port: int
    usual_port: int

    def shown(self, text: str) -> str:
        """Return a text with paths as the student knows them: relative to their folder."""
        return text.replace(str(self.folder) + os.sep, "").replace(str(self.folder), ".")

    def explain(self, traceback: str) -> Complaint:
        """Return the last line of a traceback, with the last place in the student's own files."""
        text = self.shown(traceback).strip()
        errors = [line for line in text.splitlines() if COMPLAINT.match(line)]
        last = (errors or text.splitlines() or [""])[-1]
        frames = [(PurePath(file).as_posix(), int(line)) for file, line in FRAME.findall(text)]
        own = [Place(file, line) for file, line in frames if is_own_file(file)]
        return Complaint(last, own[-1] if own else None)

    def ended(self, status: int, stderr: str, *, raised: bool, over_memory: bool) -> NotReadyError:
        """Return why a program has ended before it was of use.

        `raised`: there is a traceback in what it said. `over_memory`: it was ended because of the memory that it took.
        """
        file = self.spec.file
        wanted = "connected" if self.spec.is_client else "listened"
        stderr = self.shown(stderr).strip()
        if over_memory:
            return NotReadyError(Verdict.GREEDY, f"{file} took too much memory before it {wanted}")
        if not is_there(self.folder / file):
            return NotReadyError(Verdict.NOT_STARTED, f"there is no {file} in the folder")
        if hidden := self._hidden_library(stderr):
            text = f"your {hidden}.py hides the library {hidden}, which the program needs; give your file another name"
            return NotReadyError(Verdict.HIDES_LIBRARY, text, self.explain(stderr).place)
        if TAKEN.search(stderr):
            return NotReadyError(Verdict.PORT_TAKEN, self._who_holds_the_port(), self.explain(stderr).place)
        if self.spec.is_client and not raised:
            said = f", and said: {shorten(stderr)}" if stderr else ""
            text = f"{file} ended with exit status {status} before it connected{said}"
            return NotReadyError(Verdict.ENDED_EARLY, text)
        if status == 0 and not raised:
            return NotReadyError(Verdict.EXITED, f"{file} ended at once, with exit status 0, and never listened")
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        told = self.explain(stderr)
        because = f": {told}" if told else ""
        return NotReadyError(Verdict.NOT_STARTED, f"{file} ended with {how} before it {wanted}{because}", told.place)

    def never_listened(self, seconds: float) -> NotReadyError:
        """Say that a program runs, and has not listened within so many seconds."""
        text = f"{self.spec.file} runs, but within {seconds:g} s it did not listen on port {self._given}"
        return NotReadyError(Verdict.NEVER_LISTENED, text)

    def listens_elsewhere(self, found: set[int]) -> NotReadyError:
        """Say that a program listens on other ports."""
        named = " and ".join(map(str, sorted(found)))
        return NotReadyError(
            Verdict.OTHER_PORT,
            f"{self.spec.file} listens on port {named}, not on the port that it was given, {self.port} "
            "(the first command-line argument)",
        )

    def never_connected(self, seconds: float, came: int) -> NotReadyError:
        """Say that a client runs, and has not connected within so many seconds.

        `came` is the number of connections that it has opened without a handshake.
        """
        if came:
            text = f"{self.spec.file} connected to port {self.port}, but within {seconds:.3g} s "
            text += "it sent no whole opening handshake"
        else:
            text = f"{self.spec.file} runs, but within {seconds:.3g} s it did not connect to port {self._given}"
        return NotReadyError(Verdict.NEVER_CONNECTED, text)

    @property
    def _given(self) -> str:
        return f"{self.port}, which it was given as its first argument"

    def _hidden_library(self, stderr: str) -> str | None:
        """Return the name of a library that a file of the student's hides, if that is what went wrong."""
        if not re.search(r"^(ImportError|ModuleNotFoundError|AttributeError):", stderr, re.MULTILINE):
            return None
        own = {path.stem for path in self.folder.glob("*.py")} & {*sys.stdlib_module_names, *LIBRARIES}
        complaint = stderr.splitlines()[-1]
        return next((name for name in sorted(own - {self.spec.name}) if re.search(rf"\b{name}\b", complaint)), None)

    def _who_holds_the_port(self) -> str:
        text = f"{self.spec.file} tried to listen on a port that another program holds; "
        text += f"the port that it was given, {self.port}, is free"
        holder = sockets.holder(self.usual_port)
        return f"{text}, while port {self.usual_port} is held by {holder}" if holder else text
