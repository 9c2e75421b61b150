"""The request for a grading and its reply, and how they are sent from one process to another."""

from __future__ import annotations

import json
import pickle
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

    from labcheck.judging.options import Options

GRACE = 30.0  # seconds for the work before and after the checks, in addition to their budget
PROBE_WITHIN = 20.0  # seconds
LENGTH = struct.Struct("!Q")


@dataclass(frozen=True)
class Task:
    """One submission to grade, and how to check it.

    - `name`, `data`: the original name and the content of the submitted file.
    - `label`: the submission's name in the record.
    - `extra`: the instructor's own checks, as a tar; `hidden`: whether they are reported by title only.
    - `suite`: the digest of labcheck and of all checks.
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
        """The time limit of the grading, in seconds."""
        return self.options.budget + GRACE * max(1.0, self.options.slow)


@dataclass(frozen=True)
class Probe:
    """A request to test whether a protection works on this machine for programs run by a given Python."""

    lab: str
    options: Options
    seconds: float = PROBE_WITHIN


@dataclass(frozen=True)
class Reply:
    """The result of a request.

    - `kind`: `graded`, `refused` (the submission is invalid) or `broken` (the grading failed).
    - `text`: the reason, in one line.
    - `record`: the record as a table, if graded.
    - `faults`: tracebacks of internal errors in labcheck.
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
        """Return the reply from the JSON that `to_json` returned. Raises ValueError if it is incomplete."""
        return cls(**json.loads(data))


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
