"""What was exchanged with a program, as a picture in a notebook."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import Any

from labcheck.jupyter import fragment
from labcheck.reports.diagram import STYLE, Picture, draw

MOST_BEFORE = 40  # events before the last one
MESSAGE = 2_000  # characters of a message

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Diagram:
    """Events as a sequence diagram: `events` in the form of the record, and the file name of the server."""

    events: list[dict[str, Any]]
    program: str

    def _draw(self, prefix: str | None = None) -> Picture:
        return draw(self.events, program=self.program, prefix=prefix, is_client=False, most_before=MOST_BEFORE)

    def __repr__(self) -> str:
        return "\n".join(self._draw().lines) or "nothing was exchanged"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        prefix = f"labcheck-{os.getpid()}-{next(_numbers)}-"  # a page may hold the pictures of several kernels
        values = {"picture": self._draw(prefix), "events": self.events, "prefix": prefix, "limit": MESSAGE}
        shown = fragment.bundle(repr(self), "diagram.jinja", picture_style=STYLE, **values)
        return {**shown, "image/svg+xml": self.svg}

    @property
    def svg(self) -> str:
        """The picture alone, for a file."""
        return self._draw().svg()
