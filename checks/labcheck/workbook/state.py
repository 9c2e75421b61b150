"""What labcheck remembers between two commands: how the user's programs did last time, and the hints already shown.

This is a convenience: if the file cannot be read or written, nothing is remembered and nothing fails. What is damaged
in it is forgotten.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from datetime import datetime
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

    - `hints`: "lab id" -> number of hints shown.
    - `runs`: "lab folder" -> `lab`, `folder`, `when` (the last run; ISO 8601, UTC), `outcomes` (the last one of each
      requirement, by its id), `best` (the highest score of a run of the whole lab) and `of` (the highest possible one).
    """
    found: Any = None
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        found = json.loads(_file().read_text("utf-8"))
    return {
        key: {name: entry for name, entry in _table(_table(found).get(key)).items() if is_valid(entry)}
        for key, is_valid in (("hints", _is_count), ("runs", _is_run))
    }


def remember(lab: str, folder: Path, run: dict[str, Any]) -> dict[str, str]:
    """Save a run of a lab's programs in a folder, and return the outcomes from before it.

    Two folders are two entries. Outcomes of requirements that were not checked this time are kept.
    """
    known = load()
    key = f"{lab} {folder}"
    last = known["runs"].get(key, {"outcomes": {}, "best": 0})
    before: dict[str, str] = last["outcomes"]
    best = max(last["best"], run["best"])
    known["runs"][key] = {
        **run,
        "lab": lab,
        "folder": str(folder),
        "outcomes": {**before, **run["outcomes"]},
        "best": best,
    }
    save(known)
    return before


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


def _is_run(entry: Any) -> bool:
    run = _table(entry)
    texts = [*_table(run.get("outcomes")).values(), *(run.get(name) for name in ("lab", "folder", "when"))]
    counts = (run.get(name) for name in ("best", "of"))
    return all(isinstance(each, str) for each in texts) and _is_time(run["when"]) and all(map(_is_count, counts))


def _is_time(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(datetime.fromisoformat(text))
    return False


def _is_count(entry: Any) -> bool:
    return isinstance(entry, int) and entry >= 0
