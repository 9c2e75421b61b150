"""The program kinds `websocket server` and `websocket client`; their protocol code is imported on first use."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from labcheck.errors import Trouble, WebSocketError
from labcheck.protocols.kinds import ClientKind, Kind, register
from labcheck.protocols.manners import Manners
from labcheck.protocols.started import StartedClient
from labcheck.protocols.websocket.started import StartedServer
from labcheck.record.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.errors import ExchangeError
    from labcheck.program.program import Program
    from labcheck.protocols.check import Check
    from labcheck.protocols.deadline import Deadline
    from labcheck.protocols.started import Role, Started
    from labcheck.protocols.websocket.client import ClientProgram
    from labcheck.protocols.websocket.peer import Peer
    from labcheck.protocols.websocket.server import WebSocketServer


@register
class WebSocketServerKind(Kind):
    """A program that clients connect to over WebSocket."""

    name = "websocket server"
    may_hang = True

    def start(
        self, launch: Callable[[], Program], port: int, role: Role, *, in_shared_copy: bool, with_peer: bool
    ) -> StartedServer:
        """Start a server on a port."""
        del port, with_peer
        return StartedServer(launch(), role, in_shared_copy)

    def view(self, check: Check, started: Started) -> WebSocketServer:
        """Return the server as a check sees it."""
        from labcheck.protocols.websocket.server import WebSocketServer

        assert isinstance(started, StartedServer)
        return WebSocketServer(check, started)

    def cause(self, started: Started, check: Check, error: ExchangeError | None) -> str:
        """Return that a server goes on without end after a client has left."""
        is_silent = error is not None and error.trouble is Trouble.SILENT
        if is_silent and check.transcript.has_closed() and started.program.activity.doing():
            return "after a client has left, your program goes on without end, and serves nobody any more"
        return ""

    def still_answers(self, program: Program, check: Check, deadline: Deadline) -> bool:
        """Return whether the server answers an opening handshake, even if it refuses it."""
        from labcheck.protocols.websocket.connection import WebSocketClient

        transcript, seconds = Transcript(), deadline.left()
        try:
            sock = program.connect(seconds)
        except OSError:
            return False
        client = WebSocketClient(
            sock, program.port, transcript, deadline, seconds, Manners(), program.activity
        )  # fmt: skip
        with contextlib.suppress(WebSocketError):
            client.open()
            client.leave()
        client.hang_up()
        return bool(transcript.answer())


@register
class WebSocketClientKind(ClientKind):
    """A program with a user who types; it connects to labcheck's server over WebSocket."""

    name = "websocket client"
    asked_for = "a message from your program"

    def peer(self, port: int) -> Peer:
        """Return labcheck's WebSocket server."""
        from labcheck.protocols.websocket.peer import Peer

        return Peer(port)

    def view(self, check: Check, started: Started) -> ClientProgram:
        """Return the client as a check sees it."""
        from labcheck.protocols.websocket.client import ClientProgram

        assert isinstance(started, StartedClient)
        return ClientProgram(check, started)
