"""Completion of words in the shell."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conftest import OUTSIDE, need
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

ASK = """
eval "$(labcheck completion bash)"
COMP_LINE={line}
COMP_POINT=${{#COMP_LINE}}
_python_argcomplete labcheck
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.sample(5)
@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("labcheck so", {"solution"}),
        ("labcheck la", {"lab1", "lab2", "lab3", "lab4", "lab5"}),
        ("labcheck hint la", {"lab1", "lab2", "lab3", "lab4", "lab5"}),
        ("labcheck hint lab2 2.", {id for id in load_lab("lab2").requirements if id.startswith("2.")}),
        ("labcheck lab1 --only 6.", {"6.1", "6.2", "6.3"}),
        ("labcheck sheet lab1 ", {"1", "2", "3", "4", "5", "6"}),
        ("labcheck lab1 --html rep", {"report.html"}),
        ("labcheck lab1 --jso", {"--json"}),
        ("labcheck grade lab1 work --out x --canv", {"--canvas"}),
        ("labcheck report last this --htm", {"--html"}),
        ("labcheck lab1 --sandbox l", {"limits", "landlock"}),
        ("labcheck new clock --kind l", {"lines"}),
        ("labcheck certificate ver", {"verify"}),
        ("labcheck certificate verify rep", {"report.html"}),
        ("labcheck certificate verify report.html --pub", {"--public-key"}),
        ("labcheck hint lab9 ", set()),
    ],
)
def test_bash_completes(tmp_path: Path, line: str, found: set[str]) -> None:
    """Bash finds what can stand at the end of the line."""
    (tmp_path / "report.html").touch()
    command = tmp_path / "bin" / "labcheck"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m labcheck "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join([str(command.parent), OUTSIDE["PATH"]])
    done = subprocess.run(
        [need("bash"), "-c", ASK.format(line=shlex.quote(line))],
        cwd=tmp_path,
        env={**OUTSIDE, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {word for word in done.stdout.split() if not word.startswith("--") or line.split()[-1] in word} == found


def test_each_shell_has_a_script(labcheck: Run) -> None:
    """Another shell is named in one line."""
    assert "complete --command labcheck" in labcheck("completion", "fish").out
    assert "compdef _python_argcomplete labcheck" in labcheck("completion", "zsh").out
    result = labcheck("completion", "tcsh")
    assert (result.status, result.out) == (2, "")
    assert "unknown shell 'tcsh'; known: bash, zsh, fish" in result.err
