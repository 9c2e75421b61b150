"""A server of a lab for the tests of its page: it can be stopped and started again."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from labcheck.program.ports import Port

if TYPE_CHECKING:
    from pathlib import Path


class Process:
    """A server that can be stopped and started again on the same port."""

    def __init__(self, program: Path) -> None:
        self.program = program
        self.port = Port()
        self.running: subprocess.Popen[bytes] | None = None

    @property
    def number(self) -> int:
        """The number of the port."""
        return self.port.number

    def start(self) -> None:
        """Start the server and wait for its first line: then it is ready."""
        self.running = subprocess.Popen(
            [sys.executable, str(self.program), str(self.number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONUNBUFFERED": "1"},
        )
        assert self.running.stdout is not None
        assert self.running.stdout.readline()

    def stop(self) -> None:
        """Stop the server, if it runs, and wait until it has ended."""
        if self.running is not None:
            with self.running:
                self.running.kill()
            self.running = None

    def close(self) -> None:
        """Stop the server and release its port."""
        try:
            self.stop()
        finally:
            self.port.release()
