"""Writes reports to files or to standard output."""

from __future__ import annotations

import codecs
import json
import os
import sys
from typing import TYPE_CHECKING

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


ESCAPE = "labcheck.json"  # the name of a handler for characters that an encoding does not have


def _as_in_json(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error(ESCAPE, _as_in_json)


def write_report(file: str | Path, text: str, encoding: str = "utf-8", *, is_private: bool = True) -> None:
    """Write a report; `-` is standard output. Raises UsageError if the file cannot be written.

    A report of a class holds names and grades. Other users of the machine can read it only if they could already read
    a file that is replaced, or if it is not `is_private`.
    """
    if file == "-":
        # Characters that the terminal or pipe cannot take are escaped as in JSON, so that a JSON report stays valid.
        code = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(code, ESCAPE).decode(code))
        return
    try:
        opener = for_us if is_private else None
        with open(file, "w", encoding=encoding, errors="backslashreplace", newline="", opener=opener) as target:
            target.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error


def for_us(file: str, flags: int) -> int:
    """Open a file for `open`, so that other users cannot read it at any time if it is new."""
    return os.open(file, flags, 0o600)


def write_reports(texts: Mapping[str, str], *, is_private: bool = True) -> None:
    """Write each text to its file (see `write_report`). Raises UsageError after all others are written."""
    failed = []
    for file, text in texts.items():
        try:
            write_report(file, text, is_private=is_private)
        except UsageError as error:
            failed.append(str(error))
    if failed:
        raise UsageError("; ".join(failed))
