"""What the tests share: running labcheck as its users do, and reading what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import settings

from labcheck.record import Outcome, Record
from labcheck.workbook import root

if TYPE_CHECKING:
    from collections.abc import Callable

settings.register_profile("labcheck", deadline=None)  # a loaded machine is no failure
settings.load_profile("labcheck")

TESTS = Path(__file__).parent
CHECKOUT = root()


@dataclass(frozen=True)
class Result:
    """What a command of labcheck printed, its exit status, and how long it took in seconds."""

    status: int
    out: str
    err: str
    seconds: float

    @property
    def record(self) -> Record:
        """The record, where the command was told to print it."""
        return Record.from_json(self.out)


@pytest.fixture
def labcheck(tmp_path: Path) -> Callable[..., Result]:
    """Run labcheck in an empty folder, with an empty memory."""
    here = tmp_path / "here"
    here.mkdir()

    def run(*words: object, cwd: Path = here, **environment: str) -> Result:
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "labcheck", *map(str, words)],
            cwd=cwd,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), **environment},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - started)

    return run


@pytest.fixture
def submission(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder with a webserver.py, and other files by name."""

    def make(source: Path | str, **files: str) -> Path:
        folder = tmp_path / "submission"
        folder.mkdir(exist_ok=True)
        text = source.read_text("utf-8") if isinstance(source, Path) else source
        (folder / "webserver.py").write_text(text, "utf-8")
        for name, content in files.items():
            (folder / name).write_text(content, "utf-8")
        return folder

    return make


def not_passed(record: Record) -> dict[str, str]:
    """Return what is not passed: the outcome, and what the report says of it, by id."""
    return {
        each.id: f"{each.outcome}: {each.reason} | {each.expected} | {each.received}"
        for each in record.requirements
        if each.outcome is not Outcome.PASSED
    }


def failed(record: Record) -> list[str]:
    """Return the ids that failed."""
    return [each.id for each in record.of(Outcome.FAILED)]


def need(tool: str) -> str:
    """Return the path of a tool; without it a test is skipped, and in CI it fails."""
    found = shutil.which(tool)
    if found is None:
        _missing(f"{tool} is not installed")
    return found


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and in CI nothing is skipped")
    pytest.skip(reason)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that records the golden reports anew."""
    parser.addoption("--record-golden", action="store_true", help="write checks/tests/golden/ anew")
