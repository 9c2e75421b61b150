"""What the tables share: cells that arrive as they are, and do no harm where they are opened."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# What a spreadsheet takes for the beginning of a formula; some take the wide forms for it, too.
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
WRITTEN_OUT = {"Cc", "Cs"}  # control characters, and halves of a character: no letters of any script
TURNED = re.compile(r"[\u202a-\u202e\u2066-\u2069]")  # what shows text in another order than it has


def to_cells(rows: Iterable[Sequence[str | float]]) -> str:
    """Return a table as CSV (RFC 4180, with line feeds). Texts are quoted and made harmless, numbers are not."""
    text = io.StringIO()
    # Quoted, as what parts cells here may be part of one elsewhere.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula, and no terminal for a command."""
    shown = "".join(
        each.encode("unicode_escape").decode()
        if (each != "\n" and unicodedata.category(each) in WRITTEN_OUT) or TURNED.match(each)
        else each
        for each in cell
    )
    return f"'{shown}" if cell.lstrip().startswith(FORMULA) else shown
