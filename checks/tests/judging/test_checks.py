"""The pytest plugin that runs the checks: failed comparisons."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

SUITE = """
from labcheck.suite import requirement

@requirement("1.1", hints=["", "", ""])
def test_long():
    'It is long.'
    assert {left} == {right}
"""
LONG = {
    "texts": ("'\\n'.join(f'{n % 97} {n * 7919 % 1009}' for n in range(10_000))", "'x\\n' * 10_000"),
    "lists": ("[f'{n % 97} {n * 7919 % 1009}' for n in range(10_000)]", "['x'] * 10_000"),
    "bytes": ("bytes(n * 7919 % 251 for n in range(1_000_000))", "bytes(1_000_000)"),
    "sets": ("set(range(100_000))", "set(range(1, 100_000, 2))"),
}


@pytest.mark.sample(1)
@pytest.mark.parametrize("kind", LONG)
def test_long_values_are_compared_once(kind: str, tmp_path: Path) -> None:
    """A check that compares long values fails at once; pytest, on a CI system, would compare them line by line."""
    (tmp_path / "lab1").mkdir()
    left, right = LONG[kind]
    (tmp_path / "lab1" / "test_long.py").write_text(SUITE.format(left=left, right=right))
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "labcheck.suite", "--tb=line", "-vv"]
    command += ["--submission", str(CHECKOUT / "solutions" / "lab1"), str(tmp_path / "lab1")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "CI": "true"}
    )
    assert "1 failed" in done.stdout, done.stdout + done.stderr
    assert "the two sides differ" in done.stdout
