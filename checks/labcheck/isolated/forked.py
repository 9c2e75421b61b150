"""What a forked process does: its work, and nothing of what its parent would do after that."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable


def end_after(work: Callable[[], None]) -> NoReturn:
    """Do the work of a forked process, and end it there."""
    try:
        work()
    except BaseException:  # nobody above would know what to do with it
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
