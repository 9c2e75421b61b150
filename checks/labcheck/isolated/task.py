"""The request for a grading and its reply, and how they are sent from one process to another."""

from __future__ import annotations

import json
import pickle
import struct
import traceback
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from labcheck.errors import SuiteError
from labcheck.program.machine import lack
from labcheck.record.record import Outcome
from labcheck.record.result import BROKEN

if TYPE_CHECKING:
    import socket

    from labcheck.judging.judge import Listener
    from labcheck.judging.options import Options

GRACE = 30.0  # seconds for the work before and after the checks, in addition to their budget
PROBE_WITHIN = 20.0  # seconds
LENGTH = struct.Struct("!Q")


@dataclass(frozen=True)
class Task:
    """One submission to grade, and how to check it.

    - `name`, `data`: the original name and the content of the submitted file.
    - `folder`: if given, the user's own folder, which is checked where it is; `data` is empty then.
    - `label`: the submission's name in the record.
    - `extra`: the instructor's own checks, as a tar; `hidden`: whether they are reported by title only.
    - `suite`: the digest of labcheck and of all checks.
    - `live`: whether each outcome is sent as soon as it is known.
    """

    lab: str
    name: str
    data: bytes
    label: str
    options: Options
    extra: bytes = b""
    hidden: bool = False
    suite: str = ""
    folder: str = ""
    live: bool = False

    @property
    def seconds(self) -> float:
        """The time limit of the grading, in seconds."""
        return self.options.budget + GRACE * max(1.0, self.options.slow)


@dataclass(frozen=True)
class Probe:
    """A request to test whether a protection works on this machine for programs run by a given Python."""

    lab: str
    options: Options
    seconds: float = PROBE_WITHIN
    live: bool = False


@dataclass(frozen=True)
class Reply:
    """The result of a request.

    - `kind`: `graded`, `refused` (the submission is invalid) or `broken` (the grading failed).
    - `text`: the reason, in one line; if graded, what was chosen from the submission, or "".
    - `record`: the record as a table, if graded.
    - `faults`: tracebacks of internal errors in labcheck, and of errors in the suite.
    - `mistakes`: the latter, each in one line for the suite's author.
    - `sources`: the submission's Python files (`record.sources.Source`) as tables, if graded.
    """

    kind: str
    text: str = ""
    record: dict[str, Any] | None = None
    faults: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> bytes:
        """Return the reply as JSON."""
        return json.dumps(vars(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Reply:
        """Return the reply from the JSON that `to_json` returned. Raises ValueError if it is incomplete."""
        return cls(**json.loads(data))


def broken_by(error: Exception) -> Reply:
    """Return the reply for a grading that an exception has broken: it says whose error that is."""
    if lacking := lack(error):
        return Reply(BROKEN, str(lacking))
    if isinstance(error, SuiteError):
        mistakes = str(error).splitlines()
        return Reply(BROKEN, mistakes[0], mistakes=mistakes)
    return Reply(BROKEN, "internal error in labcheck", faults=["".join(traceback.format_exception(error))])


def line_of(id: str, outcome: Outcome | None) -> bytes:
    """Return the line that is sent when a check begins (None) or has this outcome; a reply comes after all lines."""
    return json.dumps([id, outcome]).encode() + b"\n"


def reply_from(stream: IO[bytes], listener: Listener | None) -> Reply:
    """Read a reply, and call the listener with what the lines before it say; see `line_of`."""
    try:
        for line in stream:
            if not line.endswith(b"\n"):
                return Reply.from_json(line)
            if listener is not None:
                id, outcome = json.loads(line)
                listener(id, outcome and Outcome(outcome))
    except TimeoutError:
        return Reply(BROKEN, "the grading did not end in time")
    except (OSError, ValueError, TypeError):  # it was cut off
        pass
    return Reply(BROKEN, "the grading process was ended from outside")


def send(connection: socket.socket, request: Task | Probe) -> None:
    """Send a request."""
    data = pickle.dumps(request)
    connection.sendall(LENGTH.pack(len(data)) + data)


def receive(connection: socket.socket) -> Task | Probe | None:
    """Receive a request from the process that started this one. None: it has closed the connection."""
    with connection.makefile("rb") as stream:
        length = stream.read(LENGTH.size)
        if len(length) < LENGTH.size:
            return None
        request: Task | Probe = pickle.loads(stream.read(LENGTH.unpack(length)[0]))
        return request
