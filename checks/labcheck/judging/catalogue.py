"""What a suite contains, read without running it: the ids of its checks, their titles and hints."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import json
import re
import sys
import tomllib
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

from labcheck.errors import SuiteError, UsageError
from labcheck.judging.mistakes import told
from labcheck.version import __version__
from labcheck.workbook.labs import Lab, Step, shown
from labcheck.workbook.places import LAB_FILE, PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType


# What takes part in judging; the rest of labcheck reads results, or asks for them.
ENGINE = (
    *("submission", "sandbox", "program", "protocols", "judging", "record", "isolated", "workbook"),
    *("errors.py", "suite.py"),
)


@dataclass(frozen=True)
class CheckInfo:
    """One check: the id of its requirement, its title and its hints."""

    id: str
    title: str
    hints: tuple[str, ...]


def read_suite(lab: Lab) -> list[CheckInfo]:
    """Return the checks of a lab's suite, and those that an instructor has added.

    Raises SuiteError, with a line for each file that cannot be imported.
    """
    found: list[CheckInfo] = []
    mistakes: list[str] = []
    for file in sorted(lab.suite.glob("test_*.py")):
        try:
            found += _checks(suite_module(lab, file.stem))
        except Exception as error:
            mistakes.append(told(error, lab, shown(file)))
    if mistakes:
        raise SuiteError(*mistakes)
    for file in sorted(lab.more.glob("test_*.py")) if lab.more else ():
        found += _checks(_module(file))
    return sorted(found, key=lambda check: lab.requirements.index(check.id) if check.id in lab.requirements else -1)


def expect_suite(lab: Lab) -> None:
    """Raise SuiteError if a suite cannot be imported, or has no check of a requirement."""
    found = {check.id for check in read_suite(lab)}
    if missing := [id for id in lab.requirements if id not in found]:
        raise SuiteError(f"{shown(lab.suite)}: there is no check of {', '.join(missing)}, which lab.toml lists")


def suite_module(lab: Lab, name: str) -> ModuleType:
    """Return a module of a lab's suite."""
    make_importable(lab)
    return import_module(lab.module(name))


def make_importable(lab: Lab) -> None:
    """Let the suites of a course import their own modules: `from suites.mini.material import Material`."""
    folder = str(lab.place.folder)
    if lab.place.is_course and folder not in sys.path:
        sys.path.append(folder)


def with_more(lab: Lab, folder: Path, *, hidden: bool = False) -> Lab:
    """Return the lab with the checks in an instructor's folder added.

    A check whose id begins with the number of a step, such as 2.9, is added to that step. Any other number makes a new
    step for the lab's first program. Raises UsageError, with a text of one line, if the checks cannot be used.
    """
    files = sorted(folder.glob("test_*.py"))
    if not files:
        raise UsageError(f"there are no checks in {folder}; expected a file test_*.py")
    checks = [check for file in files for check in _checks(_module(file))]
    steps = {step.number: step for step in lab.steps}
    for check in checks:
        if not re.fullmatch(r"[1-9]\d*\.[1-9]\d*", check.id):
            raise UsageError(f"{folder} has a check {check.id!r}; use the number of a step and a new one, such as 2.9")
        if check.id in lab.requirements:
            raise UsageError(f"{folder} has a check {check.id}, but {lab.name} already has it; use another number")
        if not check.title:
            raise UsageError(f"{folder}: the check {check.id} has no docstring; reports show it as the check's title")
        number = int(check.id.split(".")[0])
        step = steps.get(number) or Step(number, "More checks", lab.programs[0].name, ())
        if check.id not in step.requirements:
            steps[number] = replace(step, requirements=(*step.requirements, check.id))
    if not checks:
        raise UsageError(f"there are no checks in {folder}; mark a test function with @requirement")
    ids = frozenset(check.id for check in checks) if hidden else frozenset()
    return replace(lab, steps=tuple(step for _, step in sorted(steps.items())), more=folder, hidden=ids)


def digest_of(lab: Lab, more: bytes = b"", *, hidden: bool = False) -> str:
    """Return a digest of everything that judges: labcheck's version and files, the lab, its suite, added checks.

    What a requirement is worth judges nothing: other points do not make anybody be graded again.
    """
    digest = hashlib.sha256(f"{digest_of_frame(lab)} {hidden}".encode() + more)
    for file in sorted(lab.suite.glob("test_*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def digest_of_frame(lab: Lab) -> str:
    """Return a digest of everything that judges except for the files of the checks: what all of them depend on."""
    digest = hashlib.sha256(f"{__version__} {engine_digest()} {lab.name}".encode())
    supplied = (lab.starter / file for file in lab.supplied())
    table = tomllib.loads((lab.starter / LAB_FILE).read_text("utf-8"))
    digest.update(json.dumps({name: each for name, each in table.items() if name != "points"}, default=str).encode())
    shared = lab.place.suites.glob("*.py")  # what the suites of a course have in common
    helpers = (file for file in lab.suite.glob("*.py") if not file.name.startswith("test_"))
    for file in [*sorted(helpers), *sorted(shared), *sorted(supplied)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


@functools.cache
def engine_digest(package: Path = PACKAGE) -> str:
    """Return a digest of the files of labcheck that take part in judging: they may change without a new version."""
    digest = hashlib.sha256()
    for name in ENGINE:
        for file in sorted([package / name] if name.endswith(".py") else (package / name).rglob("*.py")):
            digest.update(f"{file.relative_to(package).as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _checks(module: ModuleType) -> Iterator[CheckInfo]:
    functions = [function for _, function in inspect.getmembers(module, inspect.isfunction)]
    for function in sorted(functions, key=lambda each: each.__code__.co_firstlineno):
        for mark in getattr(function, "pytestmark", []):
            if mark.name == "requirement" and function.__module__ == module.__name__:
                title = " ".join((function.__doc__ or "").split())
                yield CheckInfo(mark.kwargs["id"], title, mark.kwargs["hints"])
