"""What is known about a program that uses WebSocket, from one check to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labcheck.protocols.started import Started

if TYPE_CHECKING:
    from labcheck.protocols.websocket.connection import WebSocketClient


@dataclass(eq=False)
class StartedServer(Started):
    """A server; `clients` are those that are still connected."""

    clients: list[WebSocketClient] = field(default_factory=list)

    def hang_up(self) -> None:
        """Close its clients' sockets."""
        for client in self.clients:
            client.hang_up()

    def stop(self) -> None:
        """End the program, and close its clients' sockets."""
        super().stop()
        self.hang_up()
