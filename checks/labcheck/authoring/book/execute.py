"""A walkthrough executed with the lab's solution, so that its outputs are those of right programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from labcheck.errors import SuiteError
from labcheck.submission.files import copy_new
from labcheck.submission.notebook import fill, written_by
from labcheck.workbook.labs import root

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from labcheck.workbook.labs import Lab

CELL_LIMIT = 120  # seconds
HOME = "/home/you"  # where the sheets have a student's folder
LIVE = "*Here your own server's page is shown while the notebook runs.*"
NOTE = """\
:::{{note}}
The outputs on this page are those of the solution's programs. In your own copy of this notebook, which
`labcheck notebook {}` makes and opens, it is your programs that run.
:::"""


def execute(lab: Lab, place: Path) -> NotebookNode:
    """Execute a lab's walkthrough in a new folder below `place`, in a kernel of its own, and return it for the book.

    The programs that it writes are the solution's, behind a click; what only lives while the notebook
    runs is a sentence. Raises SuiteError, with the cell's number and first line, where a cell fails.
    """
    assert lab.notebook is not None
    work = place / lab.name
    for source in (lab.solution, lab.starter):
        for _ in copy_new(source, work):
            pass
    notebook: NotebookNode = nbformat.read(lab.notebook, as_version=4)  # type: ignore[no-untyped-call]
    fill(notebook, work)
    _run(notebook, lab.notebook.name, work)
    _hide_programs(notebook, {program.file for program in lab.programs})
    _show_as_anywhere(notebook, [(work, f"{HOME}/{lab.name}"), (place, "/tmp"), (root(), "labcheck")])
    _say_what_is_live(notebook)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(NOTE.format(lab.name)))  # type: ignore[no-untyped-call]
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    return notebook


def _run(notebook: NotebookNode, name: str, work: Path) -> None:
    """Run all cells; the kernel and what labcheck remembers are not those of whoever makes the book."""
    client = NotebookClient(notebook, timeout=CELL_LIMIT, resources={"metadata": {"path": str(work)}})
    state = {"IPYTHONDIR": work.parent / "ipython", "XDG_STATE_HOME": work.parent / "state", "TMPDIR": work.parent}
    cells = [(index, cell) for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    environment = {**os.environ, **{key: str(value) for key, value in state.items()}}
    with client.setup_kernel(env=environment, stderr=subprocess.DEVNULL):  # it warns of TCP on 127.0.0.1
        for number, (index, cell) in enumerate(cells, start=1):
            try:
                client.execute_cell(cell, index, execution_count=number)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                first = cell.source.strip().partition("\n")[0]
                raise SuiteError(f"{name}, code cell {number} ({first}): {_reason(error)}") from error


def _reason(error: CellExecutionError | CellTimeoutError | DeadKernelError) -> str:
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {error.evalue}".partition("\n")[0]
    return f"it took more than {CELL_LIMIT} s" if isinstance(error, CellTimeoutError) else "its kernel died"


def _hide_programs(notebook: NotebookNode, files: set[str]) -> None:
    for cell in notebook.cells:
        name = written_by(cell)
        if name in files:
            cell.metadata["tags"] = [*cell.metadata.get("tags", ()), "hide-input"]
            cell.metadata["mystnb"] = {
                "code_prompt_show": f"{name}, as in the solution: show",
                "code_prompt_hide": f"{name}, as in the solution: hide",
            }


def _show_as_anywhere(notebook: NotebookNode, folders: list[tuple[Path, str]]) -> None:
    """Replace what outputs say of this machine: its folders, as they are and as parts of a URL."""
    everywhere = [*folders, (Path.home(), HOME), (Path(sys.prefix), "/usr"), (Path(sys.base_prefix), "/usr")]
    # One may lie in another; and who has no folder of their own has / for a home.
    names = sorted((each for each in everywhere if each[0].name), key=lambda each: -len(each[0].parts))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            text = json.dumps(cell.outputs)
            for folder, name in names:
                text = text.replace(json.dumps(str(folder))[1:-1], name)
                text = text.replace(quote(str(folder), safe=""), quote(name, safe=""))
            cell.outputs = [nbformat.from_dict(output) for output in json.loads(text)]  # type: ignore[no-untyped-call]


def _say_what_is_live(notebook: NotebookNode) -> None:
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if "live" in cell.metadata.get("tags", ()):
            cell.outputs = []
            cells.append(nbformat.v4.new_markdown_cell(LIVE))  # type: ignore[no-untyped-call]
    notebook.cells = cells
