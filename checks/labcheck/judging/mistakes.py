"""The exceptions that a lab's author has caused, in the author's words: the file, the line, and what to do."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import SuiteError
from labcheck.judging.forbidden import ForbiddenError
from labcheck.judging.overdue import OverdueError
from labcheck.record.text import shorten
from labcheck.workbook.labs import shown
from labcheck.workbook.nearest import nearest
from labcheck.workbook.places import PACKAGE

if TYPE_CHECKING:
    from labcheck.workbook.labs import Lab


def told(error: BaseException, lab: Lab, place: str = "") -> str:
    """Return an exception in one line: `checks/labcheck/suites/lab1/test_2.py:3: there is no module reqeusts`.

    `place` is where it happened if the exception has no place in the lab's suite.
    """
    if isinstance(error, OverdueError):
        return f"{error.place or place}: {error}"
    if isinstance(error, SuiteError):
        return str(error) if ":" in str(error) else f"{place}: {error}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{shown(Path(error.filename))}:{error.lineno}: {type(error).__name__}: {error.msg}"
    frame = frame_in(error, lab.suite)
    if frame is not None:
        place = f"{shown(Path(frame.filename))}:{frame.lineno}"
    return f"{place}: {_words(error, lab, frame)}"


def frame_in(error: BaseException, folder: Path) -> traceback.FrameSummary | None:
    """Return the innermost place of an exception in the files of a folder, None if it has no place there."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame for frame in reversed(frames) if Path(frame.filename).resolve().is_relative_to(folder)), None)


def is_authors(error: BaseException, lab: Lab) -> bool:
    """Return whether the lab's suite has raised an exception, and not the part of labcheck that it has called."""
    if isinstance(error, SuiteError | OverdueError | ForbiddenError):
        return True
    files = [Path(frame.filename).resolve() for frame in traceback.extract_tb(error.__traceback__)]
    known = [file for file in files if file.is_relative_to(PACKAGE) or file.is_relative_to(lab.suite)]
    return bool(known) and known[-1].is_relative_to(lab.suite)  # what comes after that is Python's


def is_pytests(error: BaseException) -> bool:
    """Return whether pytest refuses to run a check: for a fixture that does not exist, or a coroutine."""
    import pytest

    return isinstance(error, pytest.FixtureLookupError | pytest.fail.Exception)


def _words(error: BaseException, lab: Lab, frame: traceback.FrameSummary | None) -> str:
    if isinstance(error, ForbiddenError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        helper = lab.suite / f"{error.name}.py"
        advice = f"; write: from {lab.module(error.name)} import ..." if helper.is_file() else ""
        return f"there is no module {error.name}{advice}"
    if isinstance(error, ImportError) and error.name and frame is not None:
        module = sys.modules.get(error.name)
        for name in _imported(Path(frame.filename), frame.lineno or 0):
            if module is not None and not hasattr(module, name):
                return f"{error.name} has no {name!r}.{nearest(name, getattr(module, '__all__', dir(module)))}"
    if isinstance(error, LookupError) and (fixture := getattr(error, "argname", "")):
        return f"there is no fixture {fixture!r} in a grading"
    return shorten("".join(traceback.format_exception_only(error)).strip().splitlines()[0])


def _imported(file: Path, line: int) -> list[str]:
    """Return the names that the import statement in this line asks for."""
    import ast

    for each in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(each, ast.ImportFrom) and each.lineno <= line <= (each.end_lineno or each.lineno):
            return [alias.name for alias in each.names]
    return []
