"""What labcheck remembers between two commands: the user's progress, and the hints already shown.

This is a convenience: if the file cannot be read or written, nothing is remembered and nothing fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any


def _file() -> Path:
    if folder := os.environ.get("XDG_STATE_HOME"):
        base = Path(folder)
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path.home() / ".local" / "state"
    return base / "labcheck" / "state.json"


def load() -> dict[str, Any]:
    """Return the saved state: `progress` (lab -> score, max_score) and `hints` ("lab id" -> number of hints shown)."""
    state: dict[str, Any] = {"progress": {}, "hints": {}}
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        found = json.loads(_file().read_text("utf-8"))
        state |= {key: found[key] for key in state if isinstance(found.get(key), dict)}
    return state


def save(state: dict[str, Any]) -> None:
    """Save the state."""
    with contextlib.suppress(OSError, RuntimeError):
        file = _file()
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(state, indent=1), "utf-8")
        new.replace(file)
