"""The cells of CSV tables: unchanged where possible, and harmless in a spreadsheet or a terminal."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Characters at which a spreadsheet may begin a formula; some programs also accept the full-width forms.
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
WRITTEN_OUT = {"Cc", "Cs"}  # control characters and lone surrogates, which belong to no script
TURNED = re.compile(r"[\u202a-\u202e\u2066-\u2069]")  # characters that change the direction of the text


def to_cells(rows: Iterable[Sequence[str | float]]) -> str:
    """Return a table as CSV (RFC 4180, with line feeds). Texts are quoted and made harmless; numbers are not."""
    text = io.StringIO()
    # Quoted, because spreadsheets in other locales separate cells at other characters.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that a spreadsheet does not take for a formula, nor a terminal for a command."""
    shown = "".join(
        each.encode("unicode_escape").decode()
        if (each != "\n" and unicodedata.category(each) in WRITTEN_OUT) or TURNED.match(each)
        else each
        for each in cell
    )
    return f"'{shown}" if cell.lstrip().startswith(FORMULA) else shown
