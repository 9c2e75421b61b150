"""What labcheck remembers between two commands: the user's progress, and the hints already shown.

This is a convenience: if the file cannot be read or written, nothing is remembered and nothing fails. What is damaged
in it is forgotten.
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
    """Return the saved state.

    `progress`: lab -> score, max_score. `hints`: "lab id" -> number of hints shown. `outcomes`: "lab folder" -> the
    last outcome of each requirement, by its id.
    """
    found: Any = None
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        found = json.loads(_file().read_text("utf-8"))
    return {
        key: {name: entry for name, entry in _table(_table(found).get(key)).items() if is_valid(entry)}
        for key, is_valid in (("progress", _is_progress), ("hints", _is_count), ("outcomes", _is_outcomes))
    }


def save(state: dict[str, Any]) -> None:
    """Save the state."""
    with contextlib.suppress(OSError, RuntimeError):
        file = _file()
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}")
        try:
            new.write_text(json.dumps(state, indent=1), "utf-8")
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)  # if there was no space left


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_progress(entry: Any) -> bool:
    return all(_is_count(_table(entry).get(name)) for name in ("score", "max_score"))


def _is_outcomes(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(each, str) for each in entry.values())


def _is_count(entry: Any) -> bool:
    return isinstance(entry, int) and entry >= 0
