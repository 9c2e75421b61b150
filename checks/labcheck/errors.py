"""The exceptions that pass from one room to another, and whose error each of them reports.

- UsageError: the caller of labcheck gave it something it cannot use. SuiteError: the author of a lab made mistakes.
  The command line reports each in one line.
- RefusedError: the submission cannot be used.
- ExchangeError, NotReadyError, Unmet: the checked program did something wrong; `judging` turns them into outcomes.
- MachineError: this machine lacks something that every grading needs.
- Fault, and every exception that is not listed here: an internal error in labcheck.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class UsageError(Exception):
    """The command cannot use its input. The text is one line; the exit status is 2."""


class SuiteError(Exception):
    """A lab contradicts itself, which is its author's error. The text has a line for each mistake.

    The exit status is 3, and 2 for the author's own command.
    """

    def __init__(self, *mistakes: str) -> None:
        super().__init__("\n".join(mistakes))


class MachineError(Exception):
    """This machine lacks something, so nothing can be checked. The text is one line; the exit status is 3."""


class Fault(Exception):  # noqa: N818
    """An internal error in labcheck; the text is for its developers."""


def raise_errors(faults: Sequence[str], mistakes: Sequence[str]) -> None:
    """Raise the exception for what could not be checked, if there is such a thing.

    `faults` are the tracebacks of all errors. `mistakes` are lines about those that the suite's author has made; if
    there are no others, SuiteError is raised, otherwise Fault.
    """
    if len(faults) > len(mistakes):
        raise Fault("\n".join(faults))
    if mistakes:
        raise SuiteError(*mistakes)


class RefusedError(Exception):
    """A submission cannot be used; the text is one line for the student's report."""


class Unmet(Exception):  # noqa: N818
    """A precondition of a check does not hold (see `labcheck.suite.given`)."""


class Verdict(StrEnum):
    """What happened to a program."""

    READY = "ready"
    NOT_STARTED = "did not start"
    EXITED = "exited"
    NEVER_LISTENED = "never listened"
    OTHER_PORT = "listens on another port"
    OTHER_ADDRESS = "listens on another address"
    OTHER_SERVER = "connected to another port"
    PORT_TAKEN = "another program holds the port"
    ENDED_EARLY = "ended before it connected"
    NEVER_CONNECTED = "never connected"
    HIDES_LIBRARY = "hides a library"
    NEVER_ANSWERS = "accepts connections, but never answers"
    NOT_HTTP = "answers, but not in HTTP"
    NEVER_ENDS = "begins to answer, but never ends"
    RAISES = "raises an exception instead of answering"
    DIED = "answered and then died"
    STUCK = "answered and then got stuck"
    SILENT_END = "ended before it had answered"
    ONE_CLIENT = "ended after its first client"
    OVER_MEMORY = "took too much memory"
    WITHOUT_END = "starts processes without end"
    OVER_DISK = "wrote too much to the disk"


OVER_LIMIT = {Verdict.OVER_MEMORY, Verdict.WITHOUT_END, Verdict.OVER_DISK}  # of a program that the guard has ended


class Place(NamedTuple):
    """A place in a student's file: its path relative to their folder, and the line number, counted from 1."""

    file: str
    line: int


class Unreadable(NamedTuple):
    """What Python reports about a file that it cannot read: `SyntaxError`, what is wrong, and where in the line.

    `column` is counted from 1, without the blanks at the beginning of the line; 0 if it is not known.
    """

    kind: str
    said: str
    column: int


class NotReadyError(Exception):
    """A program cannot be checked. `verdict` says why, the text explains it in a sentence, `place` is in its file.

    `unreadable` is there if Python cannot read the line at that place.
    """

    def __init__(
        self, verdict: Verdict, text: str, place: Place | None = None, unreadable: Unreadable | None = None
    ) -> None:
        super().__init__(text)
        self.verdict = verdict
        self.place = place
        self.unreadable = unreadable


class ForeignListenerError(Exception):
    """Another process listens on the port that was assigned to a program."""


class Trouble(StrEnum):
    """What can go wrong in an exchange."""

    REFUSED = "refused"  # no process listens on the port
    SILENT = "silent"  # not one byte arrived in time
    SLOW = "slow"  # something arrived in time, but not all of it
    CLOSED = "closed"  # the connection was closed before everything had arrived
    MALFORMED = "malformed"  # the bytes that arrived do not follow the protocol
    TOO_LARGE = "too large"  # the data does not end


class ExchangeError(Exception):
    """A response or a message is missing or not valid; the text says in plain words what arrived instead."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


class HttpError(ExchangeError):
    """An exchange over HTTP failed."""


class WebSocketError(ExchangeError):
    """An exchange over a WebSocket failed."""
