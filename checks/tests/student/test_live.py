"""What is on the screen while a lab is checked."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, OUTSIDE, until
from labcheck.record.record import Outcome
from labcheck.student.live import Live
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from pathlib import Path

LAB = load_lab("lab2")
SOLUTION = CHECKOUT / "solutions" / "lab2"


class Screen:
    """A run of labcheck in a pseudo-terminal, and what it has written."""

    def __init__(self, *words: object, **environment: str) -> None:
        pty = pytest.importorskip("pty", reason="only Unix has pseudo-terminals")
        self._ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "labcheck", *map(str, words)]
        self.run = subprocess.Popen(
            command, stdout=theirs, stderr=theirs, env={**OUTSIDE, "COLUMNS": "90", "TERM": "xterm", **environment}
        )
        os.close(theirs)
        self.text = ""

    def read(self) -> bool:
        """Take what has been written; return whether there may be more."""
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux raises it when the other side is closed
            data = b""
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def close(self) -> None:
        """Read the rest, and wait for the end."""
        while self.read():
            pass
        os.close(self._ours)
        self.run.wait(60)


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """An environment without a saved state."""
    return {"XDG_STATE_HOME": str(tmp_path)}


def test_terminal_shows_what_is_checked(state: dict[str, str]) -> None:
    """A line appears at once, then a bar for each step; at the end, only the report is left."""
    screen = Screen("lab2", SOLUTION, "--only", "1", "--only", "3", **state)
    screen.read()
    assert screen.text.startswith("checking lab2 ...")
    screen.close()
    assert re.search(r"  1  Echo server +.*━.*checking 1\.\d", screen.text)
    assert re.search(r"  3  Chat server +.*━.*checking 3\.\d", screen.text)
    during, _, report = screen.text.rpartition("lab2 · ")
    assert during.endswith("\x1b[2K") or "\x1b[?25h" in during  # the lines are erased, and the cursor is back
    assert "━" not in report
    assert "21 of 21 requirements pass" in report


@pytest.mark.parametrize("plain", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"CI": "true"}], ids=["dumb", "no color", "CI"])
def test_plain_terminal_gets_a_line_for_each_step(state: dict[str, str], plain: dict[str, str]) -> None:
    """Nothing is redrawn."""
    screen = Screen("lab2", SOLUTION, "--only", "2", **state, **plain)
    screen.close()
    assert screen.text.startswith("step 2: 6 of 6 pass\r\n")
    assert "━" not in screen.text
    assert "\x1b[2K" not in screen.text


def test_pipe_gets_the_report_only(state: dict[str, str]) -> None:
    """A program that reads the output finds nothing before the report; in a CI system, a line for each step."""
    command = [sys.executable, "-m", "labcheck", "lab2", str(SOLUTION), "--only", "2"]
    for more, first in (({}, "lab2 · "), ({"CI": "1"}, "step 2: 6 of 6 pass\n")):
        done = subprocess.run(command, capture_output=True, text=True, env={**OUTSIDE, **state, **more}, check=True)
        assert done.stdout.startswith(first)
    done = subprocess.run(
        [*command, "--json", "-"], capture_output=True, text=True, env={**OUTSIDE, **state, "CI": "1"}, check=True
    )
    assert done.stdout.startswith("{")


def test_interrupt_leaves_the_terminal_as_it_was(state: dict[str, str]) -> None:
    """After Ctrl+C, the cursor is visible."""
    screen = Screen("lab2", SOLUTION, **state)
    until(lambda: screen.read() and "━" in screen.text)
    screen.run.send_signal(signal.SIGINT)
    screen.close()
    assert screen.run.returncode == 130
    assert screen.text.rindex("\x1b[?25h") > screen.text.rindex("\x1b[?25l")


def test_failures_are_named_while_it_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A step names its first failures; a requirement that is only needed by others is not shown."""
    monkeypatch.setenv("CI", "1")
    step = LAB.steps[0]
    with Live(LAB, step.requirements) as live:
        live("2.1", Outcome.FAILED)
        for id in step.requirements:
            live(id, None)
            live(id, Outcome.PASSED if id == "1.2" else Outcome.FAILED)
    assert capsys.readouterr().out == "step 1: 1 of 10 pass · 1.1, 1.3, 1.4, 1.5 ... failed\n"
