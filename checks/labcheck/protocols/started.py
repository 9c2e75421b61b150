"""A program that was started, with what is known of it from one check to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labcheck.protocols.http.client import Manners

if TYPE_CHECKING:
    from labcheck.program.program import Program
    from labcheck.protocols.websocket.connection import Visitor
    from labcheck.protocols.websocket.peer import Host


@dataclass(eq=False)
class Started:
    """A program that was started, and what is known of it; `visitors` are those who are still connected."""

    program: Program
    manners: Manners = field(default_factory=Manners)
    host: Host | None = None  # whom a client talks to
    typed: int = 0  # lines, by a client's user
    input_ended: bool = False
    who: str = ""  # its name in transcripts, where a check has several
    stderr_before: int = 0  # bytes on standard error when the current check began to use it
    visitors: list[Visitor] = field(default_factory=list)

    def stop(self) -> None:
        """End the program, and let its visitors hang up."""
        self.program.kill()
        for visitor in self.visitors:
            visitor.hang_up()

    @property
    def name(self) -> str:
        """The program's name in lab.toml."""
        return self.program.spec.name
