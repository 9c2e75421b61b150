"""What labcheck remembers between two commands: how the user's programs did last time, and the hints already shown.

The file `state.json` has the form of `state.schema.json`. Nothing depends on it: if it cannot be read or written,
nothing is remembered and nothing fails. What is damaged in it is forgotten.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labcheck.sandbox.locks import lock
from labcheck.workbook.user_folders import replace_text, state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA_FILE = Path(__file__).with_name("state.schema.json")
MOST_RUNS = 50  # folders whose last run is remembered
LOCKED = 1.0  # seconds to wait for another labcheck that saves something


def _file() -> Path:
    return state_folder() / "state.json"


def load() -> dict[str, Any]:
    """Return the saved state; its form is in SCHEMA_FILE."""
    found: Any = None
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        found = json.loads(_file().read_text("utf-8"))
    return {
        key: {name: entry for name, entry in _table(_table(found).get(key)).items() if is_valid(entry)}
        for key, is_valid in (("hints", _is_count), ("runs", _is_run))
    }


def runs() -> list[dict[str, Any]]:
    """Return the last runs, each of a lab's programs in one folder."""
    return list(load()["runs"].values())


def remember(lab: str, folder: Path, run: dict[str, Any]) -> dict[str, str]:
    """Save a run of a lab's programs in a folder, and return the outcomes from before it.

    Two folders are two entries. Outcomes of requirements that were not checked this time are kept.
    """
    with _changed() as known:
        runs = known["runs"]
        key = f"{lab} {folder}"
        last = runs.pop(key, {"outcomes": {}, "best": 0})
        before: dict[str, str] = last["outcomes"]
        best = max(last["best"], run["best"])
        outcomes = {**before, **run["outcomes"]}
        while len(runs) >= MOST_RUNS:
            del runs[min(runs, key=lambda each: str(runs[each]["when"]))]
        runs[key] = {**run, "lab": lab, "folder": str(folder), "outcomes": outcomes, "best": best}
    return before


def next_hint(lab: str, id: str, number: int) -> int:
    """Return which of a requirement's hints is shown next, counted from 0; after the last one, the first is next."""
    with _changed() as known:
        key = f"{lab} {id}"
        place: int = min(known["hints"].get(key, 0), number - 1)
        known["hints"][key] = (place + 1) % number
    return place


@contextlib.contextmanager
def _changed() -> Iterator[dict[str, Any]]:
    """Yield the state to be changed, and save it. No other labcheck changes it at the same time."""
    with _locked():
        state = load()
        yield state
        _save(state)


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Keep the state locked; without one if the system has no locks, or another process keeps it."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, RuntimeError):
            file = _file().with_suffix(".lock")
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
            stack.callback(os.close, descriptor)
            limit = time.monotonic() + LOCKED
            while not _takes(descriptor) and time.monotonic() < limit:
                time.sleep(0.005)
        yield


def _takes(descriptor: int) -> bool:
    with contextlib.suppress(OSError):
        lock(descriptor)
        return True
    return False


def _save(state: dict[str, Any]) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        replace_text(_file(), json.dumps(state, indent=1))


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
