"""The student's client for lines of text over TCP as a check sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.protocols.client import TypedClient
from labcheck.protocols.lines.evidence import Line
from labcheck.protocols.lines.peer import Connection

if TYPE_CHECKING:
    from labcheck.protocols.lines.peer import Closed


class LinesClient(TypedClient[Connection, Line]):
    """The student's client: a running program, its user, and labcheck's server that it connects to.

    A check gets it from the fixtures `client`, `new_clients` and `client_alone`. The server answers each line of the
    client with the next text that the check has given to `answers` or `exchange`.
    """

    noun = "line"

    def rest(self) -> list[str]:
        """Return the lines that the client has sent and that no `receive` or `exchange` has returned."""
        return [str(line) for line in self.peer.waiting()]

    def farewell(self) -> Closed | None:
        """Wait until the client has closed its connection, and return how; None if it is still open after 10 s."""
        self._check.deadline.renew()
        self._until(lambda: self.peer.shutdown is not None, self._check.deadline.left(), always=True)
        if self.peer.shutdown is None:
            text = f"the client did not close the connection {self._check.deadline.words}"
            self._check.transcript.missed(text, self._check.deadline.seconds, who=self._who)
        ended: Closed | None = self.peer.shutdown
        return ended
