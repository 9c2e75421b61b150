"""Checks the programs of a network programming workbook from outside.

The package itself holds only what a notebook needs: `%load_ext labcheck` and `run()`. Everything else is in its
sub-packages, one room each, and in the modules errors, suite and version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.version import __version__ as __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from labcheck.jupyter.programs import run as run


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register `%labcheck` in a notebook; IPython calls this for `%load_ext labcheck`."""
    from labcheck.jupyter.magic import labcheck

    shell.magics_manager.register_function(labcheck, "line", "labcheck")


def __getattr__(name: str) -> object:
    """Import `run` on first use: only notebooks need it."""
    if name == "run":
        from labcheck.jupyter.programs import run

        return run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
