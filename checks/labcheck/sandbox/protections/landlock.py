"""The protection `landlock`: a kernel rule shows a program the same files as `namespaces` (Linux 5.13, landlock(7))."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labcheck.sandbox import confine
from labcheck.sandbox.protections import register
from labcheck.sandbox.protections.limits import Limits
from labcheck.sandbox.visible import WRITTEN, hidden, interpreters, system


@register
class Landlock(Limits):
    """Resource limits and a Landlock rule for files. The program shares the machine's network."""

    name = "landlock"
    strength = 1

    def missing(self) -> str:
        """Return an explanation if this kernel has no Landlock, otherwise ""."""
        return "" if confine.version() else "this kernel has no Landlock"

    def _files(self, folder: Path) -> dict[str, Any] | None:
        names = (Path("/etc", name) for name in WRITTEN)  # this machine's own files
        return {
            "read": [str(path) for path in (*system(), *interpreters(self._python), *names)],
            "hidden": [str(path) for path in hidden(self._python)],
            "write": [str(folder.parent), "/dev/null"],
        }
