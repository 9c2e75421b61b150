"""The known name that somebody may have meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(given: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the known name closest to the given one, or "" if none is close."""
    close = difflib.get_close_matches(given.lower(), list(known), n=1, cutoff=0.7)
    return f" Did you mean {close[0]!r}?" if close else ""
