"""The protection `landlock`: a kernel rule shows a program the same files as `namespaces` (Linux 5.13, landlock(7))."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from labcheck.sandbox import confine
from labcheck.sandbox.protections import register
from labcheck.sandbox.protections.limits import Limits
from labcheck.sandbox.visible import WRITTEN, files_of, hidden, interpreters, real, system


@register
class Landlock(Limits):
    """Resource limits and a Landlock rule for files. The program shares the machine's network."""

    name = "landlock"
    strength = 1

    def missing(self) -> str:
        """Return an explanation if this kernel has no Landlock, otherwise ""."""
        return "" if confine.version() else "this kernel has no Landlock"

    def _files(self, folder: Path) -> dict[str, Any] | None:
        return {**self._visible, "write": [str(folder.parent), "/dev/null"]}

    @functools.cached_property
    def _visible(self) -> dict[str, Any]:
        """The real paths that a program may read, and those inside them that it may not."""
        names = (Path("/etc", name) for name in WRITTEN)  # this machine's own files
        *_, program = files_of(Path(self._python))
        read = {real(path) for path in (*system(), *interpreters(self._python), *names, program)}
        return {"read": sorted(map(str, read)), "hidden": list(map(str, hidden(self._python)))}
