"""What a student has passed, as far as labcheck remembers it."""

from __future__ import annotations

from pathlib import Path

import pytest

from labcheck.certificates.certificate import PassedLab
from labcheck.student import state
from labcheck.student.certificate import missing, passed
from labcheck.workbook.labs import load_lab

LAB = load_lab("lab1")
POINTS = len(LAB.requirements)
ALL = dict.fromkeys(LAB.requirements, "passed")
RUN = {"when": "2026-01-01T00:00:00Z", "outcomes": ALL, "best": POINTS, "of": POINTS}


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_passed_once_is_passed() -> None:
    """A lab that passed in one run stays passed, no matter what was tried later and where."""
    assert passed([LAB], state.runs()) == []
    assert missing(LAB, state.runs()) == "not checked so far"
    state.remember("lab1", Path("/here"), RUN)
    state.remember("lab1", Path("/there"), {**RUN, "outcomes": {**ALL, "2.3": "failed"}, "best": POINTS - 1})
    state.remember("lab1", Path("/here"), {**RUN, "outcomes": {**ALL, "1.1": "failed"}, "best": 0})
    assert passed([LAB, load_lab("lab2")], state.runs()) == [PassedLab("lab1", LAB.title, POINTS, POINTS)]


def test_parts_that_passed_at_different_times_are_no_passed_lab() -> None:
    """Programs may have changed between two runs with --only: one run must pass everything."""
    state.remember("lab1", Path("/here"), {**RUN, "best": 0})
    assert passed([LAB], state.runs()) == []
    assert missing(LAB, state.runs()) == f"{POINTS} of {POINTS} requirements pass"


def test_best_folder_counts_for_what_is_missing() -> None:
    """Of several folders, that with most requirements that pass is named."""
    state.remember("lab1", Path("/here"), {**RUN, "outcomes": {"1.1": "passed"}, "best": 1})
    state.remember("lab1", Path("/there"), {**RUN, "outcomes": {"1.1": "passed", "1.2": "passed"}, "best": 2})
    assert missing(LAB, state.runs()) == f"2 of {POINTS} requirements pass"


@pytest.mark.parametrize(
    "earlier",
    [
        {"outcomes": dict.fromkeys(LAB.requirements[1:], "passed"), "best": POINTS - 1, "of": POINTS - 1},
        {"outcomes": {**ALL, "9.9": "passed"}, "best": POINTS + 1, "of": POINTS + 1},
    ],
    ids=["fewer", "more"],
)
def test_another_version_of_the_lab_does_not_count(earlier: dict[str, object]) -> None:
    """The lab had other requirements then, so it must be checked again."""
    state.remember("lab1", Path("/here"), {**RUN, **earlier})
    assert passed([LAB], state.runs()) == []


def test_reference_solution_is_nobodys_work() -> None:
    """Trying labcheck with the solution in its place passes no lab."""
    state.remember("lab1", LAB.solution.resolve(), RUN)
    assert passed([LAB], state.runs()) == []
    assert missing(LAB, state.runs()) == "not checked so far"
