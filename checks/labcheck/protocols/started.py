"""A program that was started, and what is known about it from one check to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol

from labcheck.protocols.manners import Manners

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labcheck.program.program import Program
    from labcheck.protocols.peer import Peer
    from labcheck.workbook.labs import ProgramSpec


class Role(Enum):
    """The purpose of a started program."""

    EARLY = auto()  # started ahead of time; no check has used it
    SHARED = auto()  # used by most checks of a program
    OWN = auto()  # used by the checks that end it or may damage it
    ONCE = auto()  # used by one check, and ended after it
    APART = auto()  # used by one check only
    BESIDE = auto()  # used by one check, which has begun something with it, and is run later
    GONE = auto()  # no longer used


@dataclass(eq=False)
class Started:
    """A program that was started, and what is known about it.

    `in_shared_copy`: it runs in the copy of the student's folder that holds the suite's material.
    """

    program: Program
    role: Role
    in_shared_copy: bool
    manners: Manners = field(default_factory=Manners)
    who: str = ""  # its name in transcripts, if a check uses several programs
    stdout_before: int = 0  # bytes on its standard output before the current check
    stderr_before: int = 0  # and on its standard error

    @property
    def name(self) -> str:
        """The program's name in lab.toml."""
        return self.program.spec.name

    @property
    def has_spoken(self) -> bool:
        """Whether it has ever sent a complete answer or a complete message."""
        return self.manners.answered

    @property
    def may_end(self) -> bool:
        """Whether it is expected to have ended."""
        return self.program.was_interrupted

    def forget(self) -> None:
        """Drop what was prepared for it: no check uses it any more."""

    def hang_up(self) -> None:
        """Close the connections to it: some libraries log an exception only then."""

    def stop(self) -> None:
        """End the program."""
        self.program.kill()

    def close(self) -> None:
        """Release its resources; call this after `stop`."""
        self.program.close()


@dataclass(eq=False)
class StartedClient(Started):
    """A client, and labcheck's server that it connects to (None: no server listens on its port)."""

    peer: Peer[Any] | None = None
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


class PeerOfRuns(Protocol):
    """labcheck's server for programs that are run again and again."""

    def close(self) -> None:
        """Stop the server."""


@dataclass(eq=False)
class Runs:
    """The runs of a program in one check: their folders, and labcheck's server that they talk to.

    `started` are the runs up to now. `folders` are copies of the submission; `new_folder` makes one more. `launch`
    starts the program in one of them; its keyword `arguments` lists what follows the name of the file.
    """

    spec: ProgramSpec
    peer: PeerOfRuns
    new_folder: Callable[[], Path]
    launch: Callable[..., Program]
    folders: list[Path] = field(default_factory=list)
    started: list[Started] = field(default_factory=list)

    def folder(self, number: int) -> Path:
        """Return a folder by its number, counted from 0. Raises NotReadyError if there is no room for a new one."""
        while len(self.folders) <= number:
            self.folders.append(self.new_folder())
        return self.folders[number]
