"""The program kinds `lines server` and `lines client`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.protocols.kinds import ClientKind, Kind, register
from labcheck.protocols.started import StartedClient

if TYPE_CHECKING:
    from labcheck.protocols.check import Check
    from labcheck.protocols.lines.client import LinesClient
    from labcheck.protocols.lines.peer import Peer
    from labcheck.protocols.lines.server import LinesServer
    from labcheck.protocols.started import Started


@register
class LinesServerKind(Kind):
    """A program that clients connect to over TCP; what they say is the lab's own protocol."""

    name = "lines server"
    asked_for = "an answer"

    def view(self, check: Check, started: Started) -> LinesServer:
        """Return the server as a check sees it."""
        from labcheck.protocols.lines.server import LinesServer

        return LinesServer(check, started)


@register
class LinesClientKind(ClientKind):
    """A program with a user who types; it connects to labcheck's server over TCP."""

    name = "lines client"
    asked_for = "a line from your program"

    def peer(self, port: int) -> Peer:
        """Return labcheck's server for lines."""
        from labcheck.protocols.lines.peer import Peer

        return Peer(port)

    def view(self, check: Check, started: Started) -> LinesClient:
        """Return the client as a check sees it."""
        from labcheck.protocols.lines.client import LinesClient

        assert isinstance(started, StartedClient)
        return LinesClient(check, started)
