"""End a forked process after its work, before it returns into its parent's code."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable


def end_after(work: Callable[[], None]) -> NoReturn:
    """Do the work of a forked process, then end the process."""
    try:
        work()
    except BaseException:  # callers further up belong to the parent process
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
