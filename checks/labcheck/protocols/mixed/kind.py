"""The program kind `mixed server`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.protocols.http.kind import answers_any
from labcheck.protocols.kinds import register
from labcheck.protocols.websocket.kind import WebSocketServerKind
from labcheck.protocols.websocket.started import StartedServer

if TYPE_CHECKING:
    from labcheck.program.program import Program
    from labcheck.protocols.check import Check
    from labcheck.protocols.deadline import Deadline
    from labcheck.protocols.mixed.server import MixedServer
    from labcheck.protocols.started import Started


@register
class MixedServerKind(WebSocketServerKind):
    """A program that answers HTTP requests and WebSocket clients on one port."""

    name = "mixed server"

    def view(self, check: Check, started: Started) -> MixedServer:
        """Return the server as a check sees it."""
        from labcheck.protocols.mixed.server import MixedServer

        assert isinstance(started, StartedServer)
        return MixedServer(check, started)

    def still_answers(self, program: Program, check: Check, deadline: Deadline) -> bool:
        """Return whether the server answers any of several ordinary HTTP requests, with an error too."""
        return answers_any(program, check, deadline)
