"""What is asked of a grading, what it replies, and how both go from one process to another."""

from __future__ import annotations

import json
import pickle
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

    from labcheck.judging.options import Options

GRACE = 30.0  # seconds for what comes before and after the checks, beside their budget
PROBE_WITHIN = 20.0  # seconds
LENGTH = struct.Struct("!Q")


@dataclass(frozen=True)
class Task:
    """One submission to be graded: what was handed in, and how to judge it.

    `data` is a file's content and `name` what the file was called, `label` the submission's name in the
    record; `extra` are the instructor's own checks, as a tar, and `suite` is the digest of all that judges.
    """

    lab: str
    name: str
    data: bytes
    label: str
    options: Options
    extra: bytes = b""
    hidden: bool = False
    suite: str = ""

    @property
    def seconds(self) -> float:
        """How long its grading may take."""
        return self.options.budget + GRACE * max(1.0, self.options.slow)


@dataclass(frozen=True)
class Probe:
    """The question whether a protection can be had here for programs that a Python runs."""

    lab: str
    options: Options
    seconds: float = PROBE_WITHIN


@dataclass(frozen=True)
class Reply:
    """What became of it: `graded` (with the record, as a table), `refused` (the submission), or `broken` (the grading).

    `text` says why, in one line; `faults` are tracebacks of our own.
    """

    kind: str
    text: str = ""
    record: dict[str, Any] | None = None
    faults: list[str] = field(default_factory=list)

    def to_json(self) -> bytes:
        """Return the reply as JSON."""
        return json.dumps(vars(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Reply:
        """Read what `to_json` has returned. Raises ValueError where it is cut off."""
        return cls(**json.loads(data))


def send(connection: socket.socket, request: Task | Probe) -> None:
    """Send a request."""
    data = pickle.dumps(request)
    connection.sendall(LENGTH.pack(len(data)) + data)


def receive(connection: socket.socket) -> Task | Probe | None:
    """Return the request that comes, from the process that has started ours; None where nobody asks any more."""
    with connection.makefile("rb") as stream:
        length = stream.read(LENGTH.size)
        if len(length) < LENGTH.size:
            return None
        request: Task | Probe = pickle.loads(stream.read(LENGTH.unpack(length)[0]))
        return request
