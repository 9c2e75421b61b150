"""What is known about a program that uses WebSocket, from one check to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labcheck.protocols.started import Started

if TYPE_CHECKING:
    from labcheck.protocols.websocket.connection import WebSocketClient
    from labcheck.protocols.websocket.peer import Peer


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


@dataclass(eq=False)
class StartedClient(Started):
    """A client, and labcheck's server that it connects to (None: no server listens on its port)."""

    peer: Peer | None = None
    typed: int = 0  # lines typed by its user
    input_ended: bool = False

    @property
    def has_spoken(self) -> bool:
        """Whether it has ever sent a complete message."""
        return self.peer is not None and self.peer.arrived > 0

    @property
    def may_end(self) -> bool:
        """Whether it is expected to have ended: its exchange may be complete."""
        return self.peer is not None or super().may_end

    def forget(self) -> None:
        """Stop recording what it does."""
        if self.peer is not None:
            self.peer.forget()

    def close(self) -> None:
        """Release its resources, and stop labcheck's server."""
        if self.peer is not None:
            self.peer.close()
        super().close()
