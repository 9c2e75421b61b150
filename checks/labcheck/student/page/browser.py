"""Shows the page to the user: the address in the terminal, and the page in the browser, if there is one."""

from __future__ import annotations

import contextlib
import webbrowser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labcheck.student.page.entrance import Entrance


def welcome(lab: str, entrance: Entrance, *, opens: bool) -> None:
    """Print where the page is, and open it in the user's browser if `opens` is set."""
    print(f"{lab} is on this page, until you press Ctrl+C here:\n\n    {entrance.address}\n", flush=True)
    if opens and _has_window():
        with contextlib.suppress(webbrowser.Error, OSError):
            webbrowser.open(entrance.address_for_once())


def _has_window() -> bool:
    """Return whether the user's browser has a window of its own; one in the terminal would take it over."""
    try:
        return type(webbrowser.get()) is not webbrowser.GenericBrowser
    except webbrowser.Error:
        return False
