"""labcheck in a notebook: programs that a cell starts and talks to, and the report of `%labcheck`.

May import: classes and the rooms below it.
"""

from __future__ import annotations


class ProgramError(Exception):
    """An operation requested by a cell failed. The text says why, in one or a few lines."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback, which would only show labcheck's own code."""
        return [f"ProgramError: {self}"]
