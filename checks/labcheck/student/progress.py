"""The user's progress in a lab: each run is remembered, and compared with the last one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labcheck.record.record import Outcome
from labcheck.student import state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.record.record import Record
    from labcheck.workbook.labs import Lab


def remember(record: Record) -> dict[str, str]:
    """Remember a run, and return the outcomes from before it, by the ids of the requirements."""
    is_whole = len(record.selected) == len(record.requirements)
    run = {
        "when": record.started,
        "outcomes": {each.id: str(each.outcome) for each in record.of(*Outcome)},
        "best": record.score if is_whole else 0,
        "of": record.max_score,
    }
    return state.remember(record.lab, Path(record.submission).resolve(), run)


def outcomes(lab: Lab, folder: Path) -> dict[str, str]:
    """Return the last outcome of each requirement for the programs in a folder, as far as they were checked."""
    found: dict[str, str] = state.load()["runs"].get(f"{lab.name} {folder.resolve()}", {}).get("outcomes", {})
    return found


def passed(lab: Lab, runs: Sequence[dict[str, Any]]) -> int:
    """Return how many requirements of a lab passed in the last of some runs, in whichever folder that was."""
    of_lab = [run for run in runs if run["lab"] == lab.name]
    return _passed(lab, max(of_lab, key=_when)) if of_lab else 0


def _passed(lab: Lab, run: dict[str, Any]) -> int:
    return sum(run["outcomes"].get(id) == Outcome.PASSED for id in lab.requirements)


def standings(lab: Lab, runs: Sequence[dict[str, Any]]) -> list[str]:
    """Return for each folder with programs for a lab, in words, how they did in its run and what is next."""
    of_lab = [run for run in runs if run["lab"] == lab.name and _exists(run["folder"])]
    return [_standing(lab, run) for run in sorted(of_lab, key=_when)]


def _when(run: dict[str, Any]) -> str:
    return str(run["when"])


def _exists(folder: str) -> bool:
    try:
        return Path(folder).is_dir()
    except OSError:  # it may not be looked at
        return True


def _standing(lab: Lab, run: dict[str, Any]) -> str:
    known = run["outcomes"]
    parts = [f"{_passed(lab, run)} of {len(lab.requirements)} pass"]
    if run["best"] > _passed(lab, run):
        parts.append(f"best: {run['best']}")
    if following := next_one(lab, known):
        parts.append(f"next: {following}")
    when = datetime.fromisoformat(run["when"]).astimezone()
    return " · ".join([*parts, f"{when:%Y-%m-%d %H:%M}", run["folder"]])


def next_one(lab: Lab, known: dict[str, str]) -> str:
    """Return the first requirement that does not pass; "" if all do."""
    return next((id for id in lab.requirements if known.get(id) != Outcome.PASSED), "")
