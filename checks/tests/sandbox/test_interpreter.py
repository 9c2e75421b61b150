"""Asking an interpreter about itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from labcheck.errors import UsageError
from labcheck.sandbox.interpreter import ask

if TYPE_CHECKING:
    from pathlib import Path


def test_answer_is_what_it_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs in the given folder; without one, no module in the current folder is taken for one of Python's."""
    (tmp_path / "platform.py").write_text("system = None")
    monkeypatch.chdir(tmp_path)
    code = "import os, platform; print(os.getcwd(), platform.system)"
    assert str(tmp_path) not in ask(sys.executable, code)
    assert ask(sys.executable, code, folder=tmp_path).endswith("None")
    assert ask(sys.executable, "import sys; print(sys.flags.isolated)", "-I") == "1"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("print('a'); 1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit('no\\nhelp')", "no"),
        ("", "it is not a Python interpreter"),
        ("import time; time.sleep(60)", "no answer within 0.1 s"),
    ],
)
def test_reason_is_one_line(code: str, why: str) -> None:
    """What went wrong is the exception at the end of a traceback, or the first line of anything else."""
    with pytest.raises(UsageError) as raised:
        ask(sys.executable, code, within=0.1 if "sleep" in code else 30)
    said = f"cannot use the Python interpreter {sys.executable!r}: {why}; give the path of another one"
    assert str(raised.value) == said
