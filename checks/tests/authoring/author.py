"""What the tests of authors' mistakes share: the lab `mini` in a course of its own, and labcheck in this process."""

from __future__ import annotations

import re
import signal
import sys
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from authoring.mini import FILES
from conftest import Result
from labcheck.authoring import verify
from labcheck.cli.main import ENDING, main
from labcheck.workbook.places import COURSE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


PROGRESS = re.compile(r"\d+ of \d+ wrong variants checked .*")


class Here:
    """In place of an executor: the calls are done at once, in this process, which knows the lab."""

    def submit(self, call: Callable[..., object], *arguments: object) -> Future[object]:
        """Do a call."""
        future: Future[object] = Future()
        try:
            future.set_result(call(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass
class Author:
    """The author of the lab `mini`, who makes mistakes in its files and runs labcheck in the folder `root`.

    `status` is the exit status of the last `verify`.
    """

    root: Path
    capsys: pytest.CaptureFixture[str]
    status: int = 0

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

    def verify(self) -> list[str]:
        """Run `labcheck verify mini`; return the lines that it prints, without `mini: ` and the summary."""
        result = self.labcheck("verify", "mini")
        assert result.err == ""
        lines = [line for line in result.out.splitlines() if not PROGRESS.fullmatch(line)]
        assert lines and all(line.startswith("mini: ") for line in lines), result.out
        self.status = result.status
        return [line.removeprefix("mini: ") for line in lines[:-1]]

    def labcheck(self, *words: str) -> Result:
        """Run labcheck."""
        forget(self.root)
        self.capsys.readouterr()
        status = main(words)
        return Result(status, *self.capsys.readouterr(), 0.0)


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
    monkeypatch.setattr(verify, "judges", lambda: nullcontext(Here()))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two changes in one second would leave the old one
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    before: dict[int, Callable[..., object] | int | None] = {number: signal.getsignal(number) for number in ENDING}
    yield Author(tmp_path, capsys)
    for number, handler in before.items():
        signal.signal(number, handler)
    forget(tmp_path)
