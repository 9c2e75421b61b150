"""What a suite says of itself, without running it: the ids of its checks, their titles and hints."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labcheck.workbook import Lab


@dataclass(frozen=True)
class CheckInfo:
    """One check: the requirement it proves, its sentence, its hints."""

    id: str
    title: str
    hints: tuple[str, ...]


def read_suite(lab: Lab) -> list[CheckInfo]:
    """Return the checks of a lab's suite."""
    found = []
    for file in sorted(lab.suite.glob("test_*.py")):
        module = import_module(f"labcheck.suites.{lab.name}.{file.stem}")
        for _, function in inspect.getmembers(module, inspect.isfunction):
            for mark in getattr(function, "pytestmark", []):
                if mark.name == "requirement" and function.__module__ == module.__name__:
                    title = " ".join((function.__doc__ or "").split())
                    found.append(CheckInfo(mark.kwargs["id"], title, mark.kwargs["hints"]))
    return sorted(found, key=lambda check: lab.requirements.index(check.id) if check.id in lab.requirements else -1)
