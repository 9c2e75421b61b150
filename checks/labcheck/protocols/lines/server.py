"""The student's server for lines of text over TCP as a check sees it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from labcheck.errors import ExchangeError
from labcheck.program import sockets
from labcheck.protocols.lines.connection import LineConnection
from labcheck.protocols.view import ServerView

if TYPE_CHECKING:
    from collections.abc import Iterator


class LinesServer(ServerView):
    """The student's server: a running program that a check connects to.

    A check gets it from the fixtures `server`, `own_server` and `new_server`.
    """

    def connect(self, who: str = "", *, receive_buffer: int | None = None) -> LineConnection:
        """Open a connection. `who` is its name in the transcript, if there are several.

        `receive_buffer` is the size in bytes of the kernel's buffer for received data; a small one simulates a client
        that does not read. Raises ExchangeError if no process listens or the connection is not accepted.
        """
        check = self._check
        check.transcript.by_hand = f"nc localhost {check.port}"
        sock = self._new_socket(ExchangeError, who, receive_buffer)
        return LineConnection(
            sock, check.transcript, check.deadline, self._started.manners, self.program.activity, check.port, who
        )

    @contextmanager
    def connect_many(self, number: int) -> Iterator[list[LineConnection]]:
        """Open `number` connections, one after the other, and yield them; they are closed after the `with` block.

        The server gets a few milliseconds to accept one before the next, because a listen backlog of 5 is common.
        """
        with ExitStack() as stack:
            names = (f"client {place + 1}" for place in sockets.paced(number, self.program.port))
            yield [stack.enter_context(self.connect(name)) for name in names]
