"""Read a table that an instructor has exported or made: a CSV file."""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_table(file: Path, known: Callable[[list[str]], int]) -> list[list[str]]:
    """Return the rows of a table; the first one has the headings.

    `known` returns how many cells of a row are known headings; it decides what separates the cells. Raises UsageError
    if the file cannot be read.
    """
    text = _text(file)
    delimiter = max(",;\t", key=lambda each: known(_rows(file, text.partition("\n")[0], each)[0] if text else []))
    return _rows(file, text, delimiter)


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"file {file} does not exist; give the CSV file with the class list") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}; give the CSV file with the class list") from error
    try:
        return data.decode("utf-16" if data.startswith(UTF_16) else "utf-8-sig").lstrip("\r\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{file} is not UTF-8 (line {line}); save it as `CSV UTF-8`") from error


def _rows(file: Path, text: str, delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise UsageError(f"{file} is not a valid CSV file: {error}; export it again") from error
