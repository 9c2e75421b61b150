"""The registry of program kinds: how a program is started, and how a check sees it.

A kind is in a folder of this room, whose module `kind` registers it under the name that lab.toml has. The name begins
with the folder's. That of a kind whose programs have a user, and talk to a peer of ours, ends in `client`; the others
wait for us, and end in `server`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from labcheck.errors import SuiteError
from labcheck.protocols.started import Role, Started

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.program.program import Program
    from labcheck.protocols.check import Check
    from labcheck.protocols.deadline import Deadline
    from labcheck.protocols.view import View


class Kind(ABC):
    """A kind of program.

    `asked_for` is what a check waits for, in a report's words. `one_silence_tells`: a request without an answer says
    that what needs it is not worth a try. `silent_when_raising`: a program that raises may leave its client waiting,
    and not hang up. `is_kept`: a program that a failed check has used serves the next one, if it still answers.
    """

    name: ClassVar[str]
    asked_for: ClassVar[str] = "an answer"
    one_silence_tells: ClassVar[bool] = False
    silent_when_raising: ClassVar[bool] = True
    is_kept: ClassVar[bool] = False

    def start(
        self, launch: Callable[[], Program], port: int, role: Role, *, in_shared_copy: bool, with_peer: bool
    ) -> Started:
        """Start a program on a port; `with_peer`: a client finds a peer of ours there."""
        del port, with_peer
        return Started(launch(), role, in_shared_copy)

    @abstractmethod
    def view(self, check: Check, started: Started) -> View:
        """Return a program as a check sees it."""

    def still_answers(self, program: Program, check: Check, deadline: Deadline) -> bool:
        """Return whether there is an answer to an ordinary request; where programs are not kept, nobody asks."""
        del program, check, deadline
        return False


_known: dict[str, Kind] = {}


def register(kind: type[Kind]) -> type[Kind]:
    """Register a kind under its name."""
    _known[kind.name] = kind()
    return kind


def load_all() -> None:
    """Let every kind register itself."""
    for folder in _folders():
        import_module(f"{__package__}.{folder}.kind")


def find(name: str) -> Kind:
    """Return the kind of that name; no other folder is imported. Raises SuiteError where there is none."""
    if name in _known:
        return _known[name]
    folder = name.partition(" ")[0]
    if folder in _folders():
        import_module(f"{__package__}.{folder}.kind")
    if name not in _known:
        load_all()
        raise SuiteError(f"there is no kind of program {name!r}; there are: {', '.join(sorted(_known))}")
    return _known[name]


def _folders() -> list[str]:
    return sorted(file.parent.name for file in Path(__file__).parent.glob("*/kind.py"))
