"""The student's WebSocket client as a check sees it."""

from __future__ import annotations

from labcheck.errors import WebSocketError
from labcheck.protocols.client import TypedClient
from labcheck.protocols.websocket.evidence import Message, Messages, Shutdown, Target
from labcheck.protocols.websocket.peer import Connection


class ClientProgram(TypedClient[Connection, Message]):
    """The student's WebSocket client: a running program, its user, and labcheck's server that it connects to.

    A check gets it from the fixtures `client`, `new_clients` and `client_alone`. The server answers each message of
    the client with the next text that the check has given to `answers` or `exchange`.
    """

    fault = WebSocketError

    def target(self) -> Target:
        """Wait until the client has connected, and return the target of its request, such as `/`.

        Raises NotReadyError if it does not connect in time (10 s), is idle or ends first, and WebSocketError if its
        opening handshake is not valid.
        """
        return self.connected().target

    def rest(self) -> Messages:
        """Return the messages that the client has sent and that no `receive` or `exchange` has returned."""
        return Messages(self.peer.waiting())

    def farewell(self) -> Shutdown:
        """Wait until the connection is closed, and return how the client closed it; compare it with a close code."""
        self._check.deadline.renew()
        self._until(lambda: self.peer.shutdown is not None, self._check.deadline.left(), always=True)
        if self.peer.shutdown is None:
            text = f"no close frame {self._check.deadline.words}"
            self._check.transcript.missed(text, self._check.deadline.seconds, who=self._who)
        return self.peer.shutdown or Shutdown(None)
