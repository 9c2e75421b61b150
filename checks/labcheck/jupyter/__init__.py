"""labcheck in a notebook: programs that a cell starts and talks to, and the report of `%labcheck`."""

from __future__ import annotations


class ProgramError(Exception):
    """Something did not work as the cell asked for; the text says why, in a line or a few."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback, which would be labcheck's and not the reader's."""
        return [f"ProgramError: {self}"]
