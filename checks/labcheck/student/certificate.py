"""A certificate that students make of their own: it is not signed. What they have passed is in their progress."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from labcheck.certificates.certificate import PassedLab
from labcheck.record.record import Outcome
from labcheck.workbook.labs import load_lab
from labcheck.workbook.places import main_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.workbook.labs import Lab


def passed(labs: Sequence[Lab], runs: Sequence[dict[str, Any]]) -> list[PassedLab]:
    """Return those labs of which all requirements passed in one of the runs, with its points."""
    return [PassedLab(lab.name, lab.title, most, most) for lab in labs if (most := _points(lab, runs)) is not None]


def all_passed(runs: Sequence[dict[str, Any]]) -> bool:
    """Return whether all labs of the course are passed; without a course of one's own, all of labcheck's own labs."""
    labs = [load_lab(name) for name in main_place().lab_names()]
    return bool(labs) and len(passed(labs, runs)) == len(labs)


def missing(lab: Lab, runs: Sequence[dict[str, Any]]) -> str:
    """Return in words how far a lab is that is not passed: how the last runs in the best folder did."""
    found = [
        sum(outcomes.get(id) == Outcome.PASSED for id in lab.requirements)
        for outcomes in (run["outcomes"] for run in _of(lab, runs))
    ]
    return f"{max(found)} of {len(lab.requirements)} requirements pass" if found else "not checked so far"


def _points(lab: Lab, runs: Sequence[dict[str, Any]]) -> int | None:
    """Return the points of a lab that is passed. A run from before the lab got more requirements does not count."""
    points = sum(map(lab.points_of, lab.requirements))
    is_passed = any(
        run["best"] == run["of"] == points and set(lab.requirements) <= set(run["outcomes"]) for run in _of(lab, runs)
    )
    return points if is_passed else None


def _of(lab: Lab, runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the runs of a lab, except those of the reference solution in its place."""
    solution = str(lab.solution.resolve())
    return [run for run in runs if run["lab"] == lab.name and str(Path(run["folder"])) != solution]
