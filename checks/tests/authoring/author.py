"""What the tests of authors' mistakes share: the lab `mini` in a course of its own, and labcheck in this process."""

from __future__ import annotations

import re
import signal
import sys
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from authoring.mini import FILES
from conftest import Result
from labcheck.authoring import nulls, steadiness, verify
from labcheck.classes.executors import Workers
from labcheck.cli.main import ENDING, main
from labcheck.isolated.fresh import grade_here
from labcheck.workbook.places import COURSE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from labcheck.isolated.task import Task


NOT_A_PROBLEM = re.compile(r"\d+ of \d+ [a-z ]+ checked .*| {2}.*")  # progress, and the table


class Here(Executor):
    """An executor that grades at once, in this process, which knows the lab; `tasks` are those that it has done."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def submit(self, call: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        """Do a grading."""
        del call, options
        future: Future[Any] = Future()
        future.set_result(grade_here(*arguments))
        self.tasks += arguments
        return future


@dataclass
class Author:
    """The author of the lab `mini`, who makes mistakes in its files and runs labcheck in the folder `root`.

    Of the last `verify`, `status` is the exit status, `tasks` are the gradings, and `table` are the lines of the table.
    """

    root: Path
    capsys: pytest.CaptureFixture[str]
    here: Here
    status: int = 0
    tasks: tuple[Task, ...] = ()
    table: tuple[str, ...] = ()

    def change(self, file: str, *edits: tuple[str, str]) -> None:
        """Replace texts of a file, each of which occurs in it; a text "" is its end."""
        path = self.root / file
        text = path.read_text("utf-8")
        for find, replacement in edits:
            assert find in text
            text = text.replace(find, replacement, 1) if find else text + replacement
        path.write_text(text, "utf-8")

    def write(self, file: str, text: str) -> None:
        """Write a file."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def verify(self, *options: str) -> list[str]:
        """Run `labcheck verify mini`; return the lines that it prints, without `mini: ` and the summary."""
        self.here.tasks.clear()
        result = self.labcheck("verify", "mini", *options)
        self.tasks = tuple(self.here.tasks)
        self.table = tuple(line for line in result.out.splitlines() if line.startswith("  "))
        assert result.err == ""
        lines = [line for line in result.out.splitlines() if not NOT_A_PROBLEM.fullmatch(line)]
        assert lines and all(line.startswith("mini: ") for line in lines), result.out
        self.status = result.status
        return [line.removeprefix("mini: ") for line in lines[:-1]]

    def labcheck(self, *words: str) -> Result:
        """Run labcheck."""
        forget(self.root)
        self.capsys.readouterr()
        status = main(words)
        return Result(status, *self.capsys.readouterr(), 0.0)


def words_of(process: psutil.Process) -> list[str]:
    """Return the command line of a process, empty if it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def forget(root: Path) -> None:
    """Forget the modules of the suites below this folder: they will be changed."""
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", "")).startswith(str(root)) or name.split(".")[0] == "suites":
            del sys.modules[name]


@pytest.fixture
def author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Author]:
    """The author of the lab `mini`, without a mistake so far."""
    for file, text in FILES.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.setenv(COURSE, str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path])
    here = Here()
    for module in (steadiness, verify):
        workers = Workers(here, lambda running: running + 1)
        monkeypatch.setattr(module, "workers_for", lambda _, workers=workers: nullcontext(workers))
    monkeypatch.setattr(verify, "MORE_SEEDS", ())  # these take seconds
    for name in ("silent", "hangs_up"):
        monkeypatch.delitem(nulls.OF_SERVERS, name)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two changes in one second would leave the old one
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    before: dict[int, Callable[..., object] | int | None] = {number: signal.getsignal(number) for number in ENDING}
    yield Author(tmp_path, capsys, here)
    for number, handler in before.items():
        signal.signal(number, handler)
    forget(tmp_path)
