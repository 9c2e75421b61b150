"""A dask cluster on loopback: a scheduler and workers, each a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from conftest import until

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def cluster(number: int) -> Iterator[tuple[str, list[int]]]:
    """Start the given number of workers and their scheduler; yield its address and the workers' process ids."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(what: str, *arguments: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments, "--no-dashboard"]
        processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log))

    def address() -> str:
        """Return where the scheduler listens, once it has said so."""
        said = Path(log.name).read_text().partition("Scheduler at:")[2]
        return said.partition("\n")[0].strip() if "\n" in said else ""

    with tempfile.NamedTemporaryFile() as log:
        try:
            start("scheduler", "--host", "127.0.0.1", "--port", "0")
            until(address)
            for _ in range(number):
                start("worker", address(), "--nthreads", "1")
            yield address(), [process.pid for process in processes[1:]]
        finally:
            for process in processes:
                kill_tree(process.pid)
                process.wait()


def kill_tree(pid: int) -> None:
    """Kill a process and all that it has started; a process that has ended by itself needs no killing."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
