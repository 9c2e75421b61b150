"""What is known of a program that speaks WebSocket, from one check to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labcheck.protocols.started import Started

if TYPE_CHECKING:
    from labcheck.protocols.websocket.connection import WebSocketClient
    from labcheck.protocols.websocket.peer import Peer


@dataclass(eq=False)
class StartedServer(Started):
    """A server; `clients` are those who are still connected."""

    clients: list[WebSocketClient] = field(default_factory=list)

    def stop(self) -> None:
        """End it, and let its clients hang up."""
        super().stop()
        for client in self.clients:
            client.hang_up()


@dataclass(eq=False)
class StartedClient(Started):
    """A client, and our server that it talks to; None: it finds nobody."""

    peer: Peer | None = None
    typed: int = 0  # lines, by its user
    input_ended: bool = False

    @property
    def has_spoken(self) -> bool:
        """Whether it has ever sent a whole message."""
        return self.peer is not None and self.peer.arrived > 0

    @property
    def may_end(self) -> bool:
        """Whether it is no surprise that it has ended: its exchange may be over."""
        return self.peer is not None or super().may_end

    def forget(self) -> None:
        """Let our server do no more for it."""
        if self.peer is not None:
            self.peer.forget()

    def close(self) -> None:
        """Let go of what it has held, and of our server."""
        if self.peer is not None:
            self.peer.close()
        super().close()
