"""The program kind `lines server`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.protocols.kinds import Kind, register

if TYPE_CHECKING:
    from labcheck.protocols.check import Check
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
