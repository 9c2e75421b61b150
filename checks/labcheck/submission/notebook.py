"""Notebooks whose cells write the files of a lab with `%%writefile`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

import re
from typing import TYPE_CHECKING


def fill(notebook: NotebookNode, folder: Path) -> list[str]:
    """Put the text of each file in the folder into the cell that writes it.

    Returns the names of the files whose cells changed. Raises UsageError if a file is not UTF-8.
    """
    changed = []
    for cell in notebook.cells:
        name = written_by(cell)
        if not name or not (folder / name).is_file():
            continue
        try:
            text = (folder / name).read_text("utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"{folder / name} is not UTF-8 text; save it as UTF-8 in your editor") from error
        source = "\n".join((cell.source.partition("\n")[0], text))
        if not text.endswith("\n\n"):
            source = source.removesuffix("\n")  # IPython adds the final newline
        if source != cell.source:
            cell.source = source
            changed.append(name)
    return changed


def written_by(cell: NotebookNode) -> str:
    """Return the name of the file that a cell writes, or ""."""
    magic = WRITEFILE.match(cell.source) if cell.cell_type == "code" else None
    return magic[1].strip() if magic else ""


WRITEFILE = re.compile(r"%%(?:writefile|file)[ \t]+(.+)")
