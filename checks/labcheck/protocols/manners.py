"""What was learned of a program while it was talked to."""

from __future__ import annotations

from dataclasses import dataclass, field

LINGER = 1.0  # seconds that a server may take to hang up after a whole answer


@dataclass
class Manners:
    """What was learned of a server, in seconds.

    `linger`: how long it is worth waiting until it hangs up. `slowest`: the longest time that any of
    its answers has needed to begin. `answered`: whether there was a whole one. `usual`: the status
    of the first answer to each kind of request.
    """

    linger: float = LINGER
    slowest: float = 0.0
    answered: bool = False
    usual: dict[str, int] = field(default_factory=dict)
