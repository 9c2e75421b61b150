"""Writes reports to files or to standard output."""

from __future__ import annotations

import sys
from pathlib import Path

from labcheck.errors import UsageError


def write_report(file: str | Path, text: str, encoding: str = "utf-8") -> None:
    """Write a report; `-` is standard output. Raises UsageError if the file cannot be written."""
    if file == "-":
        sys.stdout.write(text)
        return
    try:
        Path(file).write_text(text, encoding, "backslashreplace", newline="")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
