"""The registry of protections: what a program that is judged may do. A file each, which registers a kind of Sandbox.

- `namespaces` (Linux, bubblewrap): the program sees /usr, the Python that runs it, its copy and a private
  /tmp, and no process but its own. See `labcheck.sandbox.isolation` for what is around its grader.
- `landlock` (Linux 5.13 and later): the same files by a rule of the kernel; it shares the machine's network.
- `limits` (elsewhere): it cannot take all memory or start processes without end. That is no protection
  against one who means harm.
- `none`: a program is started as its user would start it.

In all but the last the resources of a program are limited, and as root it gets an unprivileged uid of its own.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from labcheck.errors import UsageError
from labcheck.workbook.labs import nearest

if TYPE_CHECKING:
    from labcheck.sandbox.base import Sandbox

Kind = TypeVar("Kind", bound="type[Sandbox]")
_known: dict[str, type[Sandbox]] = {}


def register(kind: Kind) -> Kind:
    """Register a protection under its name."""
    _known[kind.name] = kind
    return kind


def protections() -> dict[str, type[Sandbox]]:
    """Return all protections by their names, the strongest first."""
    for file in sorted(Path(__file__).parent.glob("[!_]*.py")):
        import_module(f"{__name__}.{file.stem}")
    return dict(sorted(_known.items(), key=lambda each: -each[1].strength))


def find(name: str) -> type[Sandbox]:
    """Return the protection of that name. Raises UsageError where there is none."""
    known = protections()
    if name not in known:
        raise UsageError(f"there is no protection {name!r}{nearest(name, known)}; there are: {', '.join(known)}")
    return known[name]
