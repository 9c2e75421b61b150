"""The exceptions that go from one room to another, and whose fault each of them is.

- UsageError: who called labcheck gave it something that it cannot use. SuiteError: a lab's author. Both reach the
  command line, which tells them in a line.
- RefusedError: what was handed in cannot be used.
- ExchangeError, NotReadyError, Unmet: the program that is judged; the engine turns them into outcomes.
- Fault, and all that is not listed here: ours.
"""

from enum import StrEnum
from typing import NamedTuple


class UsageError(Exception):
    """The command was given something it cannot use: one line, exit status 2."""


class SuiteError(Exception):
    """A lab contradicts itself: its author's fault, exit status 3."""


class Fault(Exception):  # noqa: N818
    """Something of ours has gone wrong; the text is for whoever mends it."""


class RefusedError(Exception):
    """A submission cannot be used; the text is one line for its student's report."""


class Unmet(Exception):  # noqa: N818
    """What a check needs before it can judge is not there."""


class Verdict(StrEnum):
    """What became of a program."""

    READY = "ready"
    NOT_STARTED = "did not start"
    EXITED = "exited"
    NEVER_LISTENED = "never listened"
    OTHER_PORT = "listens on another port"
    PORT_TAKEN = "another program holds the port"
    ENDED_EARLY = "ended before it connected"
    NEVER_CONNECTED = "never connected"
    HIDES_LIBRARY = "hides a library"
    NEVER_ANSWERS = "accepts connections, but never answers"
    DIED = "answered and then died"
    GREEDY = "took too much memory"


class Place(NamedTuple):
    """A place in a student's file, as the student knows it: relative to their folder, and a line from 1 on."""

    file: str
    line: int


class NotReadyError(Exception):
    """A program cannot be judged; the verdict says why, the text says it in a sentence, the place says where."""

    def __init__(self, verdict: Verdict, text: str, place: Place | None = None) -> None:
        super().__init__(text)
        self.verdict = verdict
        self.place = place


class ForeignListenerError(Exception):
    """Somebody else listens on the port that was given to a program."""


class Trouble(StrEnum):
    """What can go wrong with an exchange."""

    REFUSED = "refused"  # nobody listens
    SILENT = "silent"  # not one byte came in time
    SLOW = "slow"  # something came in time, but not all of it
    CLOSED = "closed"  # hung up before all of it had come
    MALFORMED = "malformed"  # what came does not follow the protocol
    TOO_LARGE = "too large"  # it does not end


class ExchangeError(Exception):
    """There is no answer, or no message; the text says in plain words what came instead."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


class HttpError(ExchangeError):
    """An exchange over HTTP has failed."""


class WebSocketError(ExchangeError):
    """An exchange over a WebSocket has failed."""
