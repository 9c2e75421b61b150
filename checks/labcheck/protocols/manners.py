"""What the exchanges with a program have shown about it."""

from __future__ import annotations

from dataclasses import dataclass, field

LINGER = 1.0  # seconds that a server gets to close the connection after a complete answer


@dataclass
class Manners:
    """What the exchanges with a server have shown. Times are in seconds.

    `linger`: how long to wait for the server to close a connection. `slowest`: the longest time that any answer took
    to begin. `answered`: whether there was a complete answer. `usual`: the status code of the first answer to each
    kind of request. `served`: the requests that it has served, each with a method, a target and what was wanted.
    """

    linger: float = LINGER
    slowest: float = 0.0
    answered: bool = False
    usual: dict[str, int] = field(default_factory=dict)
    served: set[tuple[str, str, bytes | str]] = field(default_factory=set)
