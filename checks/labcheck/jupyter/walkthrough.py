"""The walkthrough of a lab: copied beside the student's programs, and opened in JupyterLab."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.submission.files import copy_new
from labcheck.submission.notebook import fill

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.workbook.labs import Lab


def copy(lab: Lab, folder: Path) -> list[str]:
    """Copy a lab's starter files and its walkthrough into a folder, never over a file.

    Each cell that writes a file which is there gets that file's text: who runs all cells undoes none of
    their own work. Returns what the student is to be told, a line each. Raises UsageError where the lab
    has no walkthrough, or where a file of the student's cannot be put into a cell.
    """
    if lab.notebook is None:
        raise UsageError(f"{lab.name} has no walkthrough; labcheck start {lab.name} copies its files")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder")
    kept = [file for file, copied in copy_new(lab.starter, folder) if not copied]
    said = [f"{len(kept)} files were there already, and were kept as they are"] if kept else []
    target = folder / lab.notebook.name
    if os.path.lexists(target):
        return [*said, f"{target} was there already, and is kept as it is", *_differences(target, folder)]

    import nbformat

    walkthrough = nbformat.read(lab.notebook, as_version=4)  # type: ignore[no-untyped-call]
    fill(walkthrough, folder)
    with target.open("x", encoding="utf-8") as file:
        nbformat.write(walkthrough, file)  # type: ignore[no-untyped-call]
    return [*said, f"the walkthrough of {lab.name} is in {target}"]


def _differences(target: Path, folder: Path) -> list[str]:
    """Say which cells of a notebook that is there would write over a file with another text."""
    import nbformat

    try:
        changed = fill(nbformat.read(target, as_version=4), folder)  # type: ignore[no-untyped-call]
    except Exception:  # it is the student's own file, of any content; JupyterLab says what is wrong with it
        return []
    return [f"{name} is not what its cell holds: running that cell writes over the file" for name in changed]


def can_be_opened() -> bool:
    """Return whether JupyterLab is installed beside labcheck."""
    return importlib.util.find_spec("jupyterlab") is not None


def open_in_jupyterlab(notebook: Path) -> int:
    """Open a notebook in JupyterLab, wait until that is ended with Ctrl+C, and return its exit status."""
    command = [sys.executable, "-P", "-m", "jupyterlab", str(notebook), "--ServerApp.answer_yes=True"]
    command.append("--log-level=WARN")  # its address is printed also then
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container everybody is root; the notebook's programs are anyway
    # Ctrl+C reaches JupyterLab by itself. A function that does nothing is not handed on to it, as SIG_IGN would be.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with subprocess.Popen(command) as jupyter:
            try:
                return jupyter.wait()
            except KeyboardInterrupt:  # SIGTERM, which reaches only us
                jupyter.terminate()
                raise
    finally:
        signal.signal(signal.SIGINT, before)
