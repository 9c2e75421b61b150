"""Writes reports to files or to standard output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_report(file: str | Path, text: str, encoding: str = "utf-8") -> None:
    """Write a report; `-` is standard output. Raises UsageError if the file cannot be written."""
    if file == "-":
        sys.stdout.write(text)
        return
    try:
        Path(file).write_text(text, encoding, "backslashreplace", newline="")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error


def write_reports(texts: Mapping[str, str]) -> None:
    """Write each text to its file; `-` is standard output. Raises UsageError after all others are written."""
    failed = []
    for file, text in texts.items():
        try:
            write_report(file, text)
        except UsageError as error:
            failed.append(str(error))
    if failed:
        raise UsageError("; ".join(failed))
