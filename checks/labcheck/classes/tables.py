"""Read a table that an instructor has exported or made: CSV in the forms that spreadsheets write, or .xlsx."""

from __future__ import annotations

import codecs
import csv
import io
import re
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.workbook import extras

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Rows = list[list[str]]

DELIMITERS = ",;\t|:"
DECLARED = re.compile(r'^"?sep=(.)"?\s*\n')  # a first line in which Excel names the delimiter
TITLES = 20  # lines in which the headings are looked for: some systems write titles above them
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_table(file: Path, known: Callable[[list[str]], int]) -> Rows:
    """Return the rows of a table; the first one has the headings, or it is the first line if no line has any.

    `known` returns how many cells of a row are known headings: the line with the most of them has the headings. Raises
    UsageError if the file cannot be read.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"file {file} does not exist; give the CSV file with the class list") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}; give the CSV file with the class list") from error
    if data.startswith(b"PK\3\4"):
        return _from_headings(_sheet(file), known)
    text = _text(file, data)
    declared = DECLARED.match(text)
    if declared:
        text = text[declared.end() :]
    candidates = [_from_headings(_rows(file, text, each), known) for each in (declared[1] if declared else DELIMITERS)]
    return max(candidates, key=lambda rows: known(rows[0]) if rows else 0)


def _from_headings(rows: Rows, known: Callable[[list[str]], int]) -> Rows:
    """Return the rows from the one with the headings on."""
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    place = max(range(min(len(rows), TITLES)), key=lambda each: known(rows[each]), default=0)
    return rows[place:] if rows and known(rows[place]) else rows


def _text(file: Path, data: bytes) -> str:
    """Return the text of a file in UTF-8 or UTF-16, or in the Windows code page for Western Europe."""
    if data.startswith(UTF_16):
        encodings = ["utf-16"]
    elif b"\0" in data[:200]:
        encodings = ["utf-16-le" if data[1:2] == b"\0" else "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
    raise UsageError(f"line {line} of {file} is not text in a known encoding; save the file as `CSV UTF-8`")


def _rows(file: Path, text: str, delimiter: str) -> Rows:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise UsageError(f"{file} is not a valid CSV file: {error}; export it again") from error


def _sheet(file: Path) -> Rows:
    """Return the first sheet of an Excel file."""
    try:
        import openpyxl
    except ImportError:
        raise UsageError(
            f"{file} is an Excel file, which needs openpyxl; save it as `CSV UTF-8`, or run: {extras.command('xlsx')}"
        ) from None
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        try:
            cells = book.worksheets[0].iter_rows(values_only=True)
            return [["" if cell is None else _shown(cell) for cell in row] for row in cells]
        finally:
            book.close()
    except Exception as error:  # it can raise almost anything for a damaged file
        raise UsageError(f"{file} cannot be read as an Excel file ({error}); save it as `CSV UTF-8`") from error


def _shown(cell: object) -> str:
    """Return a cell as people see it: a spreadsheet keeps the number 4711 as 4711.0."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
