"""What labcheck remembers between two commands: its form, its size, and several commands at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from labcheck.sandbox.locks import lock
from labcheck.student import state
from labcheck.workbook.labs import lab_names

if TYPE_CHECKING:
    from conftest import Run

RUN = {"when": "2026-01-01T00:00:00Z", "outcomes": {"1.1": "passed"}, "best": 1, "of": 29}
SAVED = {**RUN, "lab": "lab1", "folder": "/"}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an empty state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "labcheck" / "state.json"


def test_saved_state_fits_its_schema(file: Path) -> None:
    """The file is as the schema describes it; a new outcome takes the place of the one before, the others are kept."""
    assert state.remember("lab1", Path("/here"), RUN) == {}
    changed = {"1.1": "failed", "1.2": "not_run"}
    assert state.remember("lab1", Path("/here"), {**RUN, "outcomes": changed, "best": 0}) == {"1.1": "passed"}
    state.remember("lab1", Path("/there"), RUN)
    state.next_hint("lab1", "1.1", 3)
    saved = json.loads(file.read_text("utf-8"))
    jsonschema.validate(saved, json.loads(state.SCHEMA_FILE.read_text("utf-8")))
    assert saved == state.load()
    assert saved["runs"]["lab1 /here"]["outcomes"] == changed
    assert saved["runs"]["lab1 /here"]["best"] == 1
    assert saved["hints"] == {"lab1 1.1": 1}


def test_only_the_newest_folders_are_remembered(file: Path) -> None:
    """The oldest run is forgotten; another run in a known folder forgets none."""
    for number in range(state.MOST_RUNS + 1):
        state.remember("lab1", Path(f"/{-number}"), {**RUN, "when": f"2026-01-01T00:00:{number:02}Z"})
    state.remember("lab1", Path("/-7"), {**RUN, "when": "2026-01-02T00:00:00Z"})
    runs = state.load()["runs"]
    assert len(runs) == state.MOST_RUNS
    assert "lab1 /0" not in runs
    assert "lab1 /-1" in runs


def test_nothing_is_lost_by_several_at_once(file: Path) -> None:
    """Commands that save at the same time wait for each other."""
    code = f"""
import pathlib, sys
from labcheck.student import state
from labcheck.workbook.labs import lab_names
for _ in range(10):
    state.remember("lab1", pathlib.Path("/" + sys.argv[1]), {RUN})
    state.next_hint("lab1", sys.argv[1], 1000)
"""
    runs = [subprocess.Popen([sys.executable, "-c", code, str(number)]) for number in range(4)]
    assert [run.wait(60) for run in runs] == [0] * 4
    saved = state.load()
    assert set(saved["runs"]) == {f"lab1 /{number}" for number in range(4)}
    assert saved["hints"] == {f"lab1 {number}": 10 for number in range(4)}


def test_lock_that_is_not_given_back_holds_nothing_up(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a second, a command goes on without the lock."""
    monkeypatch.setattr(state, "LOCKED", 0.1)
    file.parent.mkdir()
    with file.with_suffix(".lock").open("w") as held:
        lock(held.fileno())
        state.remember("lab1", Path("/here"), RUN)
    assert "lab1 /here" in state.load()["runs"]


def test_folders_that_are_gone_are_not_listed(labcheck: Run, tmp_path: Path) -> None:
    """`labcheck list` shows a line for each folder that exists."""
    here = tmp_path / "here" / "lab1"
    runs = [{**SAVED, "folder": str(folder)} for folder in (here, tmp_path / "gone")]
    saved = tmp_path / "state" / "labcheck" / "state.json"
    saved.parent.mkdir(parents=True)
    saved.write_text(json.dumps({"runs": {f"lab1 {run['folder']}": run for run in runs}}))
    here.mkdir()
    lines = [line for line in labcheck("list").out.splitlines() if line.startswith("       ")]
    assert [line.split(" · ")[-1] for line in lines] == [
        str(here),
        *(f"labcheck start {name}" for name in lab_names()[1:]),
    ]


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"runs": {"lab1 /": {"lab": "lab1"}}, "hints": {"lab1 2.3": null}}',
        '{"runs": {"lab1 /": 3}, "hints": {"lab1 2.3": -7}}',
        '{"runs": null, "hints": {"lab1 2.3": "many"}}',
        json.dumps({"runs": {"lab1 /": {**SAVED, "when": "yesterday"}}}),
        json.dumps({"runs": {"lab1 /": {**SAVED, "outcomes": {"1.1": 1}}}}),
        json.dumps({"runs": {"lab1 /": {**SAVED, "best": "all"}}}),
        "[" * 100_000,
    ],
)
def test_damaged_state_is_started_anew(labcheck: Run, tmp_path: Path, text: str) -> None:
    """Entries of the state file that make no sense are forgotten."""
    file = tmp_path / "state" / "labcheck" / "state.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert "not checked yet" in labcheck("list").out
    assert "hint 1 of 3" in labcheck("hint", "lab1", "2.3").out
    assert "hint 2 of 3" in labcheck("hint", "lab1", "2.3").out
    assert {each.name for each in file.parent.iterdir()} == {"state.json", "state.lock"}
