"""The program kind `http client`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.protocols.kinds import RunKind, register

if TYPE_CHECKING:
    from labcheck.protocols.check import Check
    from labcheck.protocols.http_client.client import HttpClient
    from labcheck.protocols.http_client.peer import Peer
    from labcheck.protocols.started import Runs


@register
class HttpClientKind(RunKind):
    """A program that fetches the URL in its argument from labcheck's server, and ends."""

    name = "http client"
    asked_for = "a program that ends by itself"

    def peer(self, port: int) -> Peer:
        """Return labcheck's HTTP server."""
        from labcheck.protocols.http_client.peer import Peer

        return Peer(port)

    def client(self, check: Check, runs: Runs) -> HttpClient:
        """Return the program as a check sees it, with the server."""
        from labcheck.protocols.http_client.client import HttpClient

        return HttpClient(check, runs)
