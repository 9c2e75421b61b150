"""The protection `landlock`: a kernel rule shows a program the same files as `namespaces` (Linux 5.13, landlock(7))."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from labcheck.sandbox import confine
from labcheck.sandbox.protections import register
from labcheck.sandbox.protections.limits import Limits
from labcheck.sandbox.visible import WRITTEN, files_of, hidden, interpreters, real, system

# Ports on which a program may listen besides its own: one that the system chooses (0), and those that students know
# from tutorials, so that labcheck can say which of them it was. Among all other ports are those of other gradings. Each
# port takes a rule of its own, which takes microseconds, so these cannot be all ports that nobody else uses.
TUTORIALS = [0, *range(3000, 3011), *range(4000, 4011), *range(5000, 5011), *range(6000, 6011), *range(7000, 7011)]
TUTORIALS += [*range(8000, 8101), 8443, 8765, 8888, *range(9000, 9011), 9090, 9999, 10_000, 12_345]
TUTORIALS += [1234, 2000, 2345, 50_000, 54_321, 55_555, 60_000, 65_432]


@register
class Landlock(Limits):
    """Resource limits and a Landlock rule for files. The program shares the machine's network."""

    name = "landlock"
    strength = 1

    def missing(self) -> str:
        """Return an explanation if this kernel has no Landlock, otherwise ""."""
        return "" if confine.version() else "this kernel has no Landlock"

    @classmethod
    def prepare(cls, python: str) -> None:
        """Find out which files the programs see."""
        _visible(python)

    def _files(self, folder: Path) -> dict[str, Any] | None:
        return {**_visible(self._python), "write": [str(folder.parent), "/dev/null"], "listen": TUTORIALS}


@functools.cache
def _visible(python: str) -> dict[str, Any]:
    """Return the real paths that a program may read, and those inside them that it may not."""
    names = (Path("/etc", name) for name in WRITTEN)  # this machine's own files
    *_, program = files_of(Path(python))
    read = {real(path) for path in (*system(), *interpreters(python), *names, program)}
    return {"read": sorted(map(str, read)), "hidden": list(map(str, hidden(python)))}
