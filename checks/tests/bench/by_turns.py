"""Two commands that do the same work, run in turn: how much slower is labcheck than the bare script?"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# A part of the bare scripts, which run in processes of their own.
WAIT_UNTIL_LISTENING = """
import socket, time

def wait_until_listening(port):
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.005)
"""


def seconds(command: list[str], folder: Path) -> float:
    """Return the wall time of a command."""
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def processor_seconds(command: list[str], folder: Path) -> float:
    """Return the processor time of a command and of all programs that it has started; Unix only."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds(command, folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rounds(usual: int) -> int:
    """Return the number of rounds from the command line, or the usual one."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else usual


def compare(
    bare: list[str], labcheck: list[str], folder: Path, number: int, remark: str = "",
    measure: Callable[[list[str], Path], float] = seconds,
) -> None:  # fmt: skip
    """Run both commands `number` times in a folder, and print one line per figure; the ratio is that of the medians.

    `measure` runs a command, and returns what is compared.
    """
    times: dict[str, list[float]] = {"bare": [], "labcheck": []}
    for _ in range(number):
        times["bare"].append(measure(bare, folder))
        times["labcheck"].append(measure(labcheck, folder))
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {number} rounds{remark}")
    for kind, median in medians.items():
        print(f"{kind:9} {median:.3f} s (best {min(times[kind]):.3f} s)")
    print(f"ratio     {medians['labcheck'] / medians['bare']:.2f}")
