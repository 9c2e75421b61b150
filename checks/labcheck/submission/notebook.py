"""Notebooks in which cells write the files of a lab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

import re
from typing import TYPE_CHECKING


def fill(notebook: NotebookNode, folder: Path) -> list[str]:
    """Give each cell that writes a file of the folder the text of that file; return the names of those that changed."""
    changed = []
    for cell in notebook.cells:
        name = written_by(cell)
        if not name or not (folder / name).is_file():
            continue
        try:
            text = (folder / name).read_text("utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"{folder / name} is not text in UTF-8; save it as UTF-8 in your editor") from error
        source = "\n".join((cell.source.partition("\n")[0], text))
        if not text.endswith("\n\n"):
            source = source.removesuffix("\n")  # IPython ends a cell that has no line end with one
        if source != cell.source:
            cell.source = source
            changed.append(name)
    return changed


def written_by(cell: NotebookNode) -> str:
    """Return the name of the file that a cell writes, or nothing."""
    magic = WRITEFILE.match(cell.source) if cell.cell_type == "code" else None
    return magic[1].strip() if magic else ""


WRITEFILE = re.compile(r"%%(?:writefile|file)[ \t]+(.+)")
