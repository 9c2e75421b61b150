"""The registry of program kinds: how a program is started, and how a check sees it.

Each kind is a folder of this room; its module `kind` registers it under the name that lab.toml uses. That name begins
with the name of the folder. It ends in `client` if the programs have a user and connect to labcheck's peer, and in
`server` if they wait for labcheck to connect.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from labcheck.errors import SuiteError
from labcheck.protocols.started import Role, Started, StartedClient
from labcheck.workbook.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.errors import ExchangeError
    from labcheck.program.program import Program
    from labcheck.protocols.check import Check
    from labcheck.protocols.deadline import Deadline
    from labcheck.protocols.peer import Peer
    from labcheck.protocols.view import View


class Kind(ABC):
    """A kind of program.

    `asked_for` is what a check waits for, in the words of a report. `one_silence_tells`: after one request without an
    answer, requirements that need it are not run. `is_kept`: after a failed check, the next one uses the same process
    if that still answers. `may_hang`: the end of a check may leave a server in an endless loop, because a client left;
    other checks test that, and the next check gets a new process.
    """

    name: ClassVar[str]
    asked_for: ClassVar[str] = "an answer"
    one_silence_tells: ClassVar[bool] = False
    is_kept: ClassVar[bool] = False
    may_hang: ClassVar[bool] = False

    def start(
        self, launch: Callable[[], Program], port: int, role: Role, *, in_shared_copy: bool, with_peer: bool
    ) -> Started:
        """Start a program on a port; `with_peer`: a client finds labcheck's peer there."""
        del port, with_peer
        return Started(launch(), role, in_shared_copy)

    @abstractmethod
    def view(self, check: Check, started: Started) -> View:
        """Return the program as a check sees it."""

    def cause(self, started: Started, check: Check, error: ExchangeError | None) -> str:
        """Return why an exchange failed, as far as the output of a program without a traceback tells; else "".

        `error` is None if there was an answer that broke off.
        """
        del started, check, error
        return ""

    def still_answers(self, program: Program, check: Check, deadline: Deadline) -> bool:
        """Return whether the program answers an ordinary request; only called if `is_kept` or `may_hang` is set."""
        del program, check, deadline
        return False


class ClientKind(Kind):
    """A kind of program with a user who types; it connects to labcheck's server."""

    @abstractmethod
    def peer(self, port: int) -> Peer[Any]:
        """Return labcheck's server, listening on a port. Raises ForeignListenerError if the port is taken."""

    def start(
        self, launch: Callable[[], Program], port: int, role: Role, *, in_shared_copy: bool, with_peer: bool
    ) -> StartedClient:
        """Start a client; labcheck's server listens before the client can look for it."""
        peer = self.peer(port) if with_peer else None
        try:
            return StartedClient(launch(), role, in_shared_copy, peer=peer)
        except BaseException:
            if peer is not None:
                peer.close()
            raise


_known: dict[str, Kind] = {}


def register(kind: type[Kind]) -> type[Kind]:
    """Register a kind under its name."""
    _known[kind.name] = kind()
    return kind


def load_all() -> None:
    """Import all kinds, so that each registers itself."""
    for folder in _folders():
        import_module(f"{__package__}.{folder}.kind")


def find(name: str) -> Kind:
    """Return the kind with this name; only its own folder is imported. Raises SuiteError for an unknown name."""
    if name in _known:
        return _known[name]
    folder = name.partition(" ")[0]
    if folder in _folders():
        import_module(f"{__package__}.{folder}.kind")
    if name not in _known:
        load_all()
        raise SuiteError(f"unknown kind of program {name!r}.{nearest(name, _known)} Kinds: {', '.join(sorted(_known))}")
    return _known[name]


def _folders() -> list[str]:
    return sorted(file.parent.name for file in Path(__file__).parent.glob("*/kind.py"))
