"""The student's server for HTTP and WebSocket as a check sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.protocols.websocket.server import WebSocketServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labcheck.protocols.check import Check
    from labcheck.protocols.http.answer import Answer
    from labcheck.protocols.websocket.started import StartedServer

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the example of RFC 6455, section 1.3; any 16 bytes will do


class MixedServer(WebSocketServer):
    """The student's server: `http` sends requests to it, `join(target)` connects WebSocket clients.

    A check gets it from the fixtures `server`, `own_server` and `new_server`.
    """

    def __init__(self, check: Check, started: StartedServer) -> None:
        super().__init__(check, started)
        self.http = self._http(started.manners)

    def ask_to_join(self, target: str, fields: Mapping[str, str] | None = None) -> Answer:
        """Send an opening handshake (RFC 6455, section 4.1), and return the answer: a status, and perhaps a page.

        Use it for handshakes that should be refused; the connection is closed in any case. Raises HttpError if no
        valid answer of HTTP/1.0 or HTTP/1.1 arrives.
        """
        wanted = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        return self.http.request("GET", target, {**wanted, "Sec-WebSocket-Key": KEY, **(fields or {})})
