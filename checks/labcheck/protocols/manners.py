"""What the exchanges with a program have shown about it."""

from __future__ import annotations

from dataclasses import dataclass, field

LINGER = 1.0  # seconds that a server gets to close the connection after a complete answer


@dataclass
class Manners:
    """What the exchanges with a server have shown. Times are in seconds.

    `linger`: how long to wait for the server to close a connection. `slowest`: the longest time that any answer took
    to begin. `served`: how many clients got a complete answer, or completed an opening handshake
    while no other client was connected. `answered`: whether
    there was a complete answer. `waits` is the number of times that labcheck has waited for one, and `waited` how long
    that took in all. `usual`: the status code of the first answer to each kind of request. `proven`: requests that got
    what they asked for, each with its method, its target and what that was.
    """

    linger: float = LINGER
    slowest: float = 0.0
    served: int = 0
    answered: bool = False
    waits: int = 0
    waited: float = 0.0
    usual: dict[str, int] = field(default_factory=dict)
    proven: set[tuple[str, str, bytes | str]] = field(default_factory=set)

    def note_wait(self, seconds: float) -> None:
        """Count a wait for an answer that came."""
        self.waits += 1
        self.waited += seconds
