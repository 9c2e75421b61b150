"""Execute a walkthrough with the lab's solution, so that its outputs come from correct programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from labcheck.errors import SuiteError
from labcheck.submission.files import copy_new, regular_files
from labcheck.submission.notebook import fill, written_by
from labcheck.workbook.places import root

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from labcheck.workbook.labs import Lab

CELL_LIMIT = 120  # seconds
HOME = "/home/you"  # the student's home folder in the sheets
LIVE = "*While the notebook runs, your own server's page is shown here.*"
NOTE = """\
:::{{note}}
The outputs on this page come from the solution's programs. In your own copy of this notebook, which
`labcheck notebook {}` creates and opens, your own programs run.
:::"""


def execute(lab: Lab, place: Path) -> NotebookNode:
    """Execute a lab's walkthrough in a new folder inside `place`, in a new kernel, and return it for the book.

    It writes the solution's programs, whose source is folded. An output that works only while the notebook runs is
    replaced by a sentence. Raises SuiteError, with the cell's number and first line, if a cell fails.
    """
    assert lab.notebook is not None
    work = place / lab.name
    for source in (lab.solution, lab.starter):
        for _ in copy_new(regular_files(source), work):
            pass
    notebook: NotebookNode = nbformat.read(lab.notebook, as_version=4)  # type: ignore[no-untyped-call]
    fill(notebook, work)
    _run(notebook, lab.notebook.name, work)
    _hide_programs(notebook, {program.file for program in lab.programs})
    _hide_local_paths(notebook, [(work, f"{HOME}/{lab.name}"), (place, "/tmp"), (root(), "labcheck")])
    _replace_live_outputs(notebook)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(NOTE.format(lab.name)))  # type: ignore[no-untyped-call]
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    return notebook


def _run(notebook: NotebookNode, name: str, work: Path) -> None:
    """Run all cells, with a separate IPython configuration and a separate labcheck state.

    A cell shows its output as it was when the cell had run. What has become of an output that changed later is shown
    below the cell that changed it last.
    """
    client = NotebookClient(notebook, timeout=CELL_LIMIT, resources={"metadata": {"path": str(work)}})
    state = {"IPYTHONDIR": work.parent / "ipython", "XDG_STATE_HOME": work.parent / "state", "TMPDIR": work.parent}
    cells = [(index, cell) for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    history = _History()
    environment = {**os.environ, **{key: str(value) for key, value in state.items()}}
    with client.setup_kernel(env=environment, stderr=subprocess.DEVNULL):  # the kernel warns about TCP on 127.0.0.1
        for number, (index, cell) in enumerate(cells, start=1):
            try:
                client.execute_cell(cell, index, execution_count=number)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                first = cell.source.strip().partition("\n")[0]
                raise SuiteError(f"{name}, code cell {number} ({first}): {_reason(error)}") from error
            history.add(cell)
    history.rewind()


class _History:
    """The outputs of cells as each cell left them, and the cell that changed each of them last."""

    def __init__(self) -> None:
        self._first: list[tuple[NotebookNode, list[NotebookNode]]] = []
        self._last: dict[tuple[int, int], tuple[NotebookNode, NotebookNode]] = {}

    def add(self, cell: NotebookNode) -> None:
        """Remember the outputs of a cell that has just run, and those of earlier cells that it has changed."""
        for number, (earlier, first) in enumerate(self._first):
            if _is_live(earlier):
                continue
            for place, (output, before) in enumerate(zip(earlier.outputs, first, strict=False)):
                known = self._last.get((number, place), (None, before))[1]
                if output != known:
                    self._last[number, place] = cell, deepcopy(output)
        self._first.append((cell, deepcopy(cell.outputs)))

    def rewind(self) -> None:
        """Put the outputs where they belong."""
        for cell, first in self._first:
            cell.outputs = first
        for cell, output in self._last.values():
            cell.outputs.append(output)


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
                "code_prompt_show": f"Show the solution's {name}",
                "code_prompt_hide": f"Hide the solution's {name}",
            }


def _hide_local_paths(notebook: NotebookNode, folders: list[tuple[Path, str]]) -> None:
    """Replace this machine's folders in the outputs, also where they are part of a URL."""
    replaced = [*folders, (Path.home(), HOME), (Path(sys.prefix), "/usr"), (Path(sys.base_prefix), "/usr")]
    # The deepest come first, because one may be inside another. A user without a home folder has / as home: skip it.
    names = sorted((each for each in replaced if each[0].name), key=lambda each: -len(each[0].parts))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            text = json.dumps(cell.outputs)
            for folder, name in names:
                text = text.replace(json.dumps(str(folder))[1:-1], name)
                text = text.replace(quote(str(folder), safe=""), quote(name, safe=""))
            cell.outputs = [nbformat.from_dict(output) for output in json.loads(text)]  # type: ignore[no-untyped-call]


def _is_live(cell: NotebookNode) -> bool:
    return "live" in cell.metadata.get("tags", ())


def _replace_live_outputs(notebook: NotebookNode) -> None:
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if _is_live(cell):
            cell.outputs = []
            cells.append(nbformat.v4.new_markdown_cell(LIVE))  # type: ignore[no-untyped-call]
    notebook.cells = cells
