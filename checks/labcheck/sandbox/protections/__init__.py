"""The registry of protections: what a student's program is allowed to do. Each file registers a subclass of Sandbox.

- `namespaces` (Linux, bubblewrap): the program sees only /usr, the Python that runs it, its copy, a private /tmp, and
  its own processes. `labcheck.sandbox.isolation` describes the namespaces of its grader.
- `landlock` (Linux 5.13 and later): the program sees the same files, enforced by a kernel rule. It shares the
  machine's network.
- `limits` (other systems): the program cannot use all memory or start processes without end. This does not protect
  against malicious programs.
- `none`: the program starts as its user would start it.

All except `none` limit the program's resources. If labcheck runs as root, they also give the program an unprivileged
uid.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from labcheck.errors import UsageError
from labcheck.workbook.nearest import nearest

if TYPE_CHECKING:
    from labcheck.sandbox.base import Sandbox

Kind = TypeVar("Kind", bound="type[Sandbox]")
_known: dict[str, type[Sandbox]] = {}


def register(kind: Kind) -> Kind:
    """Register a protection under its name."""
    _known[kind.name] = kind
    return kind


def protections() -> dict[str, type[Sandbox]]:
    """Return all protections by name, the strongest first."""
    for file in sorted(Path(__file__).parent.glob("[!_]*.py")):
        import_module(f"{__name__}.{file.stem}")
    return dict(sorted(_known.items(), key=lambda each: -each[1].strength))


def find(name: str) -> type[Sandbox]:
    """Return the protection with the given name. Raises UsageError if it does not exist."""
    require_known(name)
    return protections()[name]


def require_known(name: str, *more: str) -> None:
    """Raise UsageError if a name is neither that of a protection nor one of `more`."""
    known = [*protections(), *more]
    if name not in known:
        raise UsageError(f"unknown protection {name!r}.{nearest(name, known)} Protections: {', '.join(known)}")
