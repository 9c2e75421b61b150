"""How much memory processes use."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from labcheck.sandbox.memory import memory_of, peak_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
CODE = """
import subprocess, sys
held = bytearray(100 << 20)
child = subprocess.Popen([sys.executable, "-c", "held = bytearray(100 << 20); print(flush=True); input()"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
del held
print(flush=True)
input()
"""


@pytest.fixture
def program() -> Iterator[int]:
    """A process that had 100 MiB for a moment, with a child that has 100 MiB; both wait."""
    with subprocess.Popen([sys.executable, "-c", CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate(b"\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_peak_is_remembered(program: int) -> None:
    """The peak counts what was used for a moment, and the processes that it has started."""
    assert 200 * MIB < peak_of(program) < 300 * MIB
    assert memory_of(program) < 170 * MIB


def test_what_is_gone_has_no_memory() -> None:
    """A process that has ended uses nothing."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert peak_of(process.pid) == memory_of(process.pid) == 0
