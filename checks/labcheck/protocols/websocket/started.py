"""What is known of a program that speaks WebSocket, from one check to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labcheck.protocols.started import Started

if TYPE_CHECKING:
    from labcheck.protocols.websocket.connection import Visitor
    from labcheck.protocols.websocket.peer import Host


@dataclass(eq=False)
class StartedServer(Started):
    """A server; `visitors` are those who are still connected."""

    visitors: list[Visitor] = field(default_factory=list)

    def stop(self) -> None:
        """End it, and let its visitors hang up."""
        super().stop()
        for visitor in self.visitors:
            visitor.hang_up()


@dataclass(eq=False)
class StartedClient(Started):
    """A client, and our server that it talks to; None: it finds nobody."""

    host: Host | None = None
    typed: int = 0  # lines, by its user
    input_ended: bool = False

    @property
    def has_spoken(self) -> bool:
        """Whether it has ever sent a whole message."""
        return self.host is not None and self.host.arrived > 0

    @property
    def may_end(self) -> bool:
        """Whether it is no surprise that it has ended: its exchange may be over."""
        return self.host is not None or super().may_end

    def forget(self) -> None:
        """Let our server do no more for it."""
        if self.host is not None:
            self.host.forget()

    def close(self) -> None:
        """Let go of what it has held, and of our server."""
        if self.host is not None:
            self.host.close()
        super().close()
