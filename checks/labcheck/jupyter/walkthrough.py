"""The walkthrough of a lab: copy it beside the student's programs, and open it in JupyterLab."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.submission.files import copy_new, starter_files
from labcheck.submission.notebook import fill

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.workbook.labs import Lab


def copy(lab: Lab, folder: Path) -> list[str]:
    """Copy a lab's starter files and its walkthrough into a folder, without overwriting any file.

    A cell that writes an existing file gets the text of that file, so that running all cells undoes none of the
    student's work. Returns messages for the student, one line each. Raises UsageError if the lab has no walkthrough, or
    if a file of the student cannot be put into a cell.
    """
    if lab.notebook is None:
        raise UsageError(f"{lab.name} has no walkthrough; run `labcheck start {lab.name}` for its starter files")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; give a folder")
    kept = [file for file, copied in copy_new(starter_files(lab), folder) if not copied]
    messages = [f"existing files left unchanged: {len(kept)}"] if kept else []
    target = folder / lab.notebook.name
    if os.path.lexists(target):
        return [*messages, f"{target} already exists and was left unchanged", *_differences(target, folder)]

    import nbformat

    walkthrough = nbformat.read(lab.notebook, as_version=4)  # type: ignore[no-untyped-call]
    fill(walkthrough, folder)
    with target.open("x", encoding="utf-8") as file:
        nbformat.write(walkthrough, file)  # type: ignore[no-untyped-call]
    return [*messages, f"the walkthrough of {lab.name} is in {target}"]


def _differences(target: Path, folder: Path) -> list[str]:
    """Return a warning for each cell of an existing notebook that would overwrite a file with a different text."""
    import nbformat

    try:
        changed = fill(nbformat.read(target, as_version=4), folder)  # type: ignore[no-untyped-call]
    except Exception:  # the student's file may contain anything; JupyterLab reports what is wrong with it
        return []
    return [f"{name} differs from its cell in the notebook: running that cell overwrites the file" for name in changed]


def can_be_opened() -> bool:
    """Return whether JupyterLab is installed beside labcheck."""
    return importlib.util.find_spec("jupyterlab") is not None


def open_in_jupyterlab(notebook: Path) -> int:
    """Open a notebook in JupyterLab, wait until JupyterLab ends, and return its exit status."""
    command = [sys.executable, "-P", "-m", "jupyterlab", str(notebook), "--ServerApp.answer_yes=True"]
    command.append("--log-level=WARN")  # JupyterLab still prints its address
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # common in a container, where the notebook's programs run as root anyway
    # Ctrl+C reaches JupyterLab directly. Unlike SIG_IGN, a handler that does nothing is not inherited by it.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with subprocess.Popen(command) as jupyter:
            try:
                return jupyter.wait()
            except KeyboardInterrupt:  # raised for SIGTERM, which reaches only this process
                jupyter.terminate()
                raise
    finally:
        signal.signal(signal.SIGINT, before)
